"""
A Nuclio function that hands CVAT's messages on to a maskwright project, and its answers back. Nothing but Python's own library.

Environment: MASKWRIGHT_URL, MASKWRIGHT_PROJECT, MASKWRIGHT_KEY (scope predict), MASKWRIGHT_FUNCTION (interactor, detector
or encoder), and MASKWRIGHT_VERSION where another version than the live one shall answer.
"""

import json
import os
import urllib.error
import urllib.request

SECONDS = 110


def init_context(context):
    at, project, function = (os.environ[f"MASKWRIGHT_{name}"] for name in ("URL", "PROJECT", "FUNCTION"))
    url = f"{at.rstrip('/')}/cvat/{project}/{function}"
    version = os.environ.get("MASKWRIGHT_VERSION")
    context.user_data.url = f"{url}?version={version}" if version else url
    context.user_data.headers = {
        "Authorization": f"Bearer {os.environ['MASKWRIGHT_KEY']}",
        "Content-Type": "application/json",
    }


def handler(context, event):
    asked = urllib.request.Request(
        context.user_data.url, data=json.dumps(event.body).encode(), headers=context.user_data.headers
    )
    try:
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            body, status = answer.read().decode(), answer.status
    except urllib.error.HTTPError as refused:
        # CVAT shows its user the status alone; the reason is in the function's log.
        body, status = refused.read().decode(), refused.code
        context.logger.error(body)
    except (urllib.error.URLError, TimeoutError) as failed:
        body, status = json.dumps({"error": {"code": "unreachable", "message": str(failed)}}), 502
        context.logger.error(body)
    return context.Response(body=body, headers={}, content_type="application/json", status_code=status)

import { offline, signedIn } from "./api/client.ts";
import { place } from "./state/router.ts";
import { Toasts } from "./ui/toasts.tsx";
import { SignIn } from "./views/sign-in.tsx";
import { Projects } from "./views/projects.tsx";
import { ProjectView } from "./views/project.tsx";
import { Keys } from "./views/keys.tsx";
import { Usage } from "./views/usage.tsx";
import { Webhooks } from "./views/webhooks.tsx";
import { Shell } from "./ui/shell.tsx";

export function App() {
  return (
    <>
      {offline.value && (
        <div class="offline" role="alert">
          The server can't be reached. Trying again …
        </div>
      )}
      {signedIn.value === null && !offline.value && <p class="visually-hidden">Loading …</p>}
      {signedIn.value === false && <SignIn />}
      {signedIn.value === true && <Page />}
      <Toasts />
    </>
  );
}

function Page() {
  const [area, id] = place.value.parts;
  if (area === "projects" && id !== undefined) return <ProjectView key={id} id={id} />;
  if (area === "keys") return <Shell page="keys" children={<Keys />} />;
  if (area === "usage") return <Shell page="usage" children={<Usage />} />;
  if (area === "webhooks") return <Shell page="webhooks" children={<Webhooks />} />;
  return <Shell page="projects" children={<Projects />} />;
}

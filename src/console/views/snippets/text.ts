/** What the code is filled with. */
interface Facts {
  readonly url: string;
  readonly projectId: string;
  readonly imageId: string;
  readonly box: readonly number[];
  readonly version: "active" | "base" | number;
}

interface Snippet {
  readonly name: string;
  readonly parts: readonly { readonly title: string; readonly code: string }[];
}

export const snippets = (facts: Facts): Snippet[] => [curl(facts), python(facts), javascript(facts)];

const bodyOf = ({ imageId, box, version }: Facts): string =>
  JSON.stringify({ image: { id: imageId }, prompts: [{ box }], version });

const curl = (facts: Facts): Snippet => {
  const project = `${facts.url}/v1/projects/${facts.projectId}`;
  const auth = '-H "Authorization: Bearer $MASKWRIGHT_KEY"';
  return {
    name: "curl",
    parts: [
      {
        title: "Segment an image that is here",
        code: `curl -s ${project}/predict \\
  ${auth} -H "Content-Type: application/json" \\
  -d '${bodyOf(facts)}'`,
      },
      {
        title: "Upload an image",
        code: `curl -s ${project}/images \\
  ${auth} -F file=@page.jpg`,
      },
      {
        title: "Fine-tune, and follow it live",
        code: `JOB=$(curl -s ${project}/fine-tunes \\
  ${auth} -H "Content-Type: application/json" -d '{}' | jq -r .id)
curl -sN ${project}/fine-tunes/$JOB/events \\
  ${auth} -H "Accept: text/event-stream"`,
      },
      {
        title: "Take the decoder with you",
        code: `curl -s "${project}/versions/${facts.version === "active" ? 1 : facts.version}/export?format=onnx" \\
  ${auth} -o decoder.onnx`,
      },
    ],
  };
};

const python = (facts: Facts): Snippet => ({
  name: "Python",
  parts: [
    {
      title: "Segment an image that is here",
      code: `import os, requests

api = requests.Session()
api.headers["Authorization"] = f"Bearer {os.environ['MASKWRIGHT_KEY']}"
project = "${facts.url}/v1/projects/${facts.projectId}"

answer = api.post(f"{project}/predict", json={
    "image": {"id": "${facts.imageId}"},
    "prompts": [{"box": ${JSON.stringify(facts.box)}}],
    "version": ${JSON.stringify(facts.version)},
})
answer.raise_for_status()
mask = answer.json()["results"][0]["predictions"][0]["masks"][0]
print(mask["score"], mask["bbox"], mask["area"])`,
    },
    {
      title: "As a numpy array",
      code: `from pycocotools import mask as coco  # pip install pycocotools

pixels = coco.decode({"size": mask["size"], "counts": mask["counts"].encode()})
print(pixels.shape, pixels.dtype)  # (height, width) uint8`,
    },
    {
      title: "Upload an image and its true mask",
      code: `image = api.post(f"{project}/images", files={"file": open("page.jpg", "rb")}).json()
api.post(f"{project}/annotations", json={
    "image_id": image["id"],
    "mask": {"format": "polygon", "polygons": [[40, 30, 300, 30, 300, 240, 40, 240]]},
}).raise_for_status()`,
    },
  ],
});

const javascript = (facts: Facts): Snippet => ({
  name: "JavaScript",
  parts: [
    {
      title: "Segment an image that is here",
      code: `const project = "${facts.url}/v1/projects/${facts.projectId}";
const headers = {
  authorization: \`Bearer \${process.env.MASKWRIGHT_KEY}\`,
  "content-type": "application/json",
};

const answer = await fetch(\`\${project}/predict\`, {
  method: "POST",
  headers,
  body: JSON.stringify(${bodyOf(facts)}),
});
const { results } = await answer.json();
const [mask] = results[0].predictions[0].masks;
console.log(mask.score, mask.bbox, mask.area);`,
    },
    {
      title: "Fine-tune, and wait for it",
      code: `let job = await (await fetch(\`\${project}/fine-tunes\`, { method: "POST", headers, body: "{}" })).json();
while (!["succeeded", "failed", "cancelled"].includes(job.status)) {
  await new Promise((resolve) => setTimeout(resolve, 2000));
  job = await (await fetch(\`\${project}/fine-tunes/\${job.id}\`, { headers })).json();
  console.log(job.status, job.progress);
}`,
    },
  ],
});

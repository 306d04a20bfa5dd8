import { Icon } from "../../ui/icon.tsx";

/** Formats of the API's annotations/export, and who reads them. */
const formats = [
  ["coco", "COCO", "One JSON file with run lengths, for pycocotools and most tools"],
  ["coco&shapes=polygons", "COCO, polygons", "The same with outlines"],
  ["yolo", "YOLO", "Text files and data.yaml, for Ultralytics"],
  ["label_studio", "Label Studio", "Tasks with brush regions"],
  ["label_studio&shapes=polygons", "Label Studio, polygons", "Tasks with polygons"],
  ["cvat", "CVAT", "CVAT for images 1.1"],
  ["voc", "Label maps", "PASCAL VOC's maps of objects and classes"],
  ["labelme", "LabelMe", "A JSON file an image"],
] as const;

/** All annotations of a project as files for other tools. */
export const ExportMenu = ({ projectId }: { projectId: string }) => (
  <details class="card tight">
    <summary>
      <b>Export annotations</b>
    </summary>
    <div class="stack-s">
      <p class="muted small">
        Outlines and masks are exact. In each zip, maskwright.json says what its format can't carry.
      </p>
      <ul class="exports">
        {formats.map(([query, name, what]) => (
          <li key={query}>
            <a class="export" href={`/v1/projects/${projectId}/annotations/export?format=${query}`} download>
              <Icon name="download" />
              <span>
                <b>{name}</b>
                <span class="muted small">{what}</span>
              </span>
            </a>
          </li>
        ))}
      </ul>
    </div>
  </details>
);

# Made from /openapi.json by tools/python-types.ts: `npx vitest run test/client --update=all` writes it anew. Don't edit.
"""What the API answers, as it comes: JSON's objects, typed."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class AnnotationLineage(TypedDict):
    action: Literal["accept", "correct"]
    prediction_id: str | None
    """null for a proposal."""
    proposal_id: str | None
    """null for feedback."""
    version: Literal["base"] | int
    prompt: LoggedPrompt


class Annotation(TypedDict):
    id: str
    object: Literal["annotation"]
    image_id: str
    mask: Mask
    box: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""
    area: int
    """Foreground pixels."""
    label: str | None
    source: Literal["api", "import", "feedback", "proposal"]
    lineage: AnnotationLineage | None
    """Set for masks that a version made: which one, by which prompt, in which prediction or proposal."""
    created_at: str


class AnnotationMaskRle(TypedDict):
    format: Literal["rle"]
    size: list[int]
    """[height, width]"""
    counts: str
    """COCO's compressed run-length text."""


class AnnotationMaskPolygon(TypedDict):
    format: Literal["polygon"]
    polygons: list[list[float]]
    """Rings as [x, y, x, y, …]."""


class AnnotationMaskPng(TypedDict):
    format: Literal["png"]
    data: str
    """A PNG in base64 (a data URL is taken, too): 0 is background, 255 foreground."""


class AutoLabelProgress(TypedDict):
    done: int
    total: int
    eta_seconds: int | None
    """Seconds left, while it runs."""


class AutoLabelFailures(TypedDict):
    image_id: str
    code: str
    message: str


class AutoLabelError(TypedDict):
    code: str
    message: str


class AutoLabel(TypedDict):
    id: str
    object: Literal["auto_label"]
    project_id: str
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    version: int
    threshold: float | None
    """null: the version's own."""
    max_objects: int
    labels: list[str | None] | None
    """null: all."""
    progress: AutoLabelProgress | None
    """In images; null before it has begun."""
    found: int
    """Proposals that it has made."""
    left_out: int
    """Objects that `max_objects` left out, over all images."""
    skipped: int
    """Images that were deleted or annotated in the meantime."""
    failed: int
    """Images that could not be read."""
    failures: list[AutoLabelFailures]
    """The first 20 of the failed images."""
    error: AutoLabelError | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class BaseChoiceTried(TypedDict):
    base_model: str
    mean_iou: float
    """As it is, with exact boxes on whole images."""
    tuned_mean_iou: float | None
    """After short trainings on either half of the annotations, each judged on the other; null if the
    budget had no room for them or there is but one group of images."""


class BaseChoice(TypedDict):
    fine_tune_id: str | None
    """The fine-tune that has chosen; null while the choice is open."""
    tried: list[BaseChoiceTried]
    """Smallest image encoder first. The higher of the two scores counts; one with a larger encoder is
    taken if it brings 0.01 more. Empty if the installation had only one base model."""
    not_tried: list[str]
    """Base models that the budget had no room for."""
    annotations: int
    """Annotations that judged; none is held out."""


class BucketExportBucket(TypedDict):
    name: str
    prefix: str


class BucketExport(TypedDict):
    object: Literal["bucket_export"]
    bucket: BucketExportBucket
    images_total: int
    images_written: int
    """By this request."""
    images_there: int
    """Those that lie there already, byte for byte."""
    images_renamed: int
    """Images of this request whose names are no paths: they lie under their ids."""
    has_more: bool
    next_cursor: str | None
    file: str | None
    """The key of the COCO file, which is written last; null before."""


class CocoDatasetInfo(TypedDict):
    description: str


class CocoDatasetCategories(TypedDict):
    id: int
    name: str
    unlabelled: NotRequired[Literal[True]]
    """Not part of COCO: marks the category of annotations without a label."""


class CocoDatasetImages(TypedDict):
    id: int
    file_name: str
    """As uploaded or imported; the image's id where two images share a name."""
    width: int
    height: int
    group: str | None
    """Not part of COCO: the image's split group."""
    part: Literal["train", "val", "test", None]
    """Not part of COCO: the part of the data set (train, val or test) that the image came with."""
    known_empty: bool
    """Not part of COCO: whether the image is known to contain no object."""
    sha256: str
    maskwright_id: str


class CocoDatasetAnnotationsSegmentation(TypedDict):
    size: list[int]
    counts: str


class CocoDatasetAnnotations(TypedDict):
    id: int
    image_id: int
    category_id: int
    segmentation: CocoDatasetAnnotationsSegmentation | list[list[float]]
    bbox: list[float]
    """[x, y, width, height] in pixels."""
    box: list[float]
    """Not part of COCO: [x0, y0, x1, y1], the exact box."""
    area: int
    iscrowd: Literal[0]
    maskwright_id: str


class CocoDatasetTold(TypedDict):
    code: str
    count: int
    message: str


class CocoDataset(TypedDict):
    info: CocoDatasetInfo
    licenses: list[dict[str, Any]]
    categories: list[CocoDatasetCategories]
    images: list[CocoDatasetImages]
    annotations: list[CocoDatasetAnnotations]
    told: list[CocoDatasetTold]
    """Not part of COCO: what could not be exported as requested."""


class CocoResults2(TypedDict):
    image_id: int
    """As in the `coco` file of the same project."""
    category_id: int
    """As in the `coco` file of the same project; labels of the version that no annotation has come after
    those."""
    segmentation: CocoDatasetAnnotationsSegmentation
    bbox: list[float]
    """[x, y, width, height] in pixels. pycocotools then takes its area for the object's."""
    score: float
    """The label score, from 0 to 1."""
    label: str | None
    """Not part of COCO."""
    iou_prediction: float
    """Not part of COCO: the decoder's own score."""


class CvatFeatures(TypedDict):
    blob: str
    """float32, little endian, [1, 256, 64, 64], base64."""


class CvatMask(TypedDict):
    mask: list[list[int]]
    """Rows of the mask's own box; 1 is the object."""
    bounds: list[int]
    """[left, top, right, bottom] of that box in the image, the last two inclusive."""
    points: NotRequired[list[list[float]]]
    """Empty for a mask without a pixel; else missing, and CVAT draws the outline itself."""


class CvatObjects2(TypedDict):
    type: Literal["mask"]
    label: str
    confidence: float
    """The label score, from 0 to 1."""
    points: NotRequired[list[float]]
    """The outline, [x, y, ...] in pixels; missing where it has too many corners to be edited."""
    mask: list[int]
    """The pixels of the mask's own box, row by row, 0 or 1; then its left, top, right and bottom in the
    image, the last two inclusive."""


class CvatProjectLabels(TypedDict):
    id: int
    name: str
    type: Literal["mask"]


class CvatProject(TypedDict):
    version: Literal["base"] | int
    """The version that answers."""
    labels: list[CvatProjectLabels]
    """What its detector finds: the function's spec. Empty without a finder."""


class ErrorError(TypedDict):
    code: str
    """A stable code for programs to act on."""
    message: str
    """For people: what was received and what is allowed."""
    param: NotRequired[str]
    """The offending field, as a path in the request."""
    request_id: str


class Error(TypedDict):
    error: ErrorError


class Feedback(TypedDict):
    id: str
    object: Literal["feedback"]
    prediction_id: str
    action: Literal["accept", "reject", "correct"]
    prompt_index: int
    mask_index: int
    version: Literal["base"] | int
    prompt: LoggedPrompt
    iou: float | None
    """IoU between the predicted mask and the correction: how wrong the version was."""
    annotation_id: str | None
    """The annotation created from it; null for a rejection."""
    actor: str | None
    created_at: str


class FineTuneProgress(TypedDict):
    phase: Literal["embed", "search", "train", "evaluate", "find", "refit", "register"]
    done: int
    total: int
    eta_seconds: float | None


class FineTuneError(TypedDict):
    code: str
    message: str
    param: NotRequired[str]


class FineTune(TypedDict):
    id: str
    object: Literal["fine_tune"]
    project_id: str
    cause: Literal["request", "corrections"]
    """What started it: a caller, or reaching the project's `fine_tune_after_corrections`."""
    status: Literal["queued", "preparing", "running", "evaluating", "succeeded", "failed", "cancelled"]
    hyperparameters: dict[str, dict[str, Any]]
    """As requested; the version has the values actually used."""
    base_version: int | None
    """Null means the base model."""
    seed: int
    progress: FineTuneProgress | None
    version: int | None
    """The version it produced."""
    error: FineTuneError | None
    engine: str | None
    stop_requested_at: str | None
    """When stopping early was requested."""
    created_at: str
    started_at: str | None
    finished_at: str | None
    estimated_finish: str | None


class FineTuneEvent(TypedDict):
    id: str
    object: Literal["fine_tune.event"]
    created_at: str
    level: Literal["info", "warn", "error"]
    type: Literal["message", "metrics"]
    message: str
    data: dict[str, dict[str, Any]]


class FineTunePreviewProgress(TypedDict):
    phase: Literal["check", "embed", "train"]
    done: int
    total: int


class FineTunePreviewResultFindings(TypedDict):
    code: Literal["annotation_duplicate", "box_mask_mismatch", "colour_outlier", "image_near_duplicate", "image_unreadable", "images_known_empty", "images_without_annotations", "mask_empty", "mask_several_parts", "mask_tiny", "mask_touches_border", "shape_outlier", "size_outlier", "too_few_groups", "too_few_images"]
    severity: Literal["error", "warning", "info"]
    """error: a fine-tune would fail or learn nonsense; warning: worth checking; info: good to know."""
    message: str
    image_ids: list[str]
    annotation_ids: list[str]


class FineTunePreviewResultEstimate(TypedDict):
    seconds: int
    """Estimated duration of a fine-tune with {}, once it starts."""
    embed_seconds: int
    train_seconds: int
    evaluate_seconds: int
    embeddings_missing: int
    """Images that a fine-tune has to encode first."""
    measured: bool
    """true: at the speed just measured on this trainer; false: at the speed of two idle cores."""
    gpu_hours: float | None
    """Null unless the trainer trains on a GPU."""


class FineTunePreviewResultCurvePointsIou(TypedDict):
    mean: float
    low: float
    high: float


class FineTunePreviewResultCurvePoints(TypedDict):
    images: int
    """Training images."""
    iou: FineTunePreviewResultCurvePointsIou
    """Mean, with its 95 % interval over groups of images."""
    train_iou: float
    """On images that it was trained on."""


class FineTunePreviewResultCurvePowerLaw(TypedDict):
    scale: float
    exponent: float


class FineTunePreviewResultCurve(TypedDict):
    base_iou: float
    """IoU of the untuned model on the evaluation images."""
    points: list[FineTunePreviewResultCurvePoints]
    power_law: FineTunePreviewResultCurvePowerLaw
    """1 - IoU = scale * images ** -exponent."""
    images_now: int
    """Images that a fine-tune trains on now."""
    gain_from_twice: FineTunePreviewResultCurvePointsIou
    """Gain in IoU expected from twice as many images."""
    by_heart_iou: float
    """IoU on 8 masks after long training on those alone at a high learning rate: what the frozen encoder
    lets the decoder learn."""
    grid_limit_iou: float
    """IoU of the true masks after the decoder's 256 x 256 grid: an upper bound for any answer."""


class FineTunePreviewResultVerdict(TypedDict):
    code: Literal["fix_data_first", "more_images_help", "encoder_is_the_limit", "grid_is_the_limit", "train_longer", "enough_images", "unclear"]
    message: str


class FineTunePreviewResult(TypedDict):
    images: int
    """Annotated images."""
    annotations: int
    groups: int
    findings: list[FineTunePreviewResultFindings]
    finding_counts: dict[str, int]
    """Grouped by code, at most 20 of each."""
    estimate: FineTunePreviewResultEstimate | None
    """Null where the data has errors."""
    curve: FineTunePreviewResultCurve | None
    """Null where the data has errors or too few groups."""
    verdict: FineTunePreviewResultVerdict


class FineTunePreview(TypedDict):
    id: str
    object: Literal["fine_tune_preview"]
    project_id: str
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    seed: int
    progress: FineTunePreviewProgress | None
    result: FineTunePreviewResult | None
    """Present once it has succeeded. Everything but the estimate is determined by the data and the seed."""
    error: AutoLabelError | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class GalleryEntryAnnotations(TypedDict):
    id: str
    label: str | None
    counts: str
    """COCO's compressed run-length text, at the image's size."""


class GalleryEntry(TypedDict):
    object: Literal["gallery_entry"]
    image: Image
    annotations: list[GalleryEntryAnnotations]
    split: Literal["train", "test", None]
    """The image's role for the requested version: test images were not trained on, only measured."""
    base_iou: float | None
    """Means over the image's annotations; box prompts."""
    tuned_iou: float | None


class Image(TypedDict):
    id: str
    object: Literal["image"]
    width: int
    """Width as displayed, after applying the EXIF orientation."""
    height: int
    sha256: str
    """SHA-256 of the bytes as uploaded."""
    bytes: int
    format: str
    file_name: str | None
    group: str | None
    part: Literal["train", "val", "test", None]
    """The part of the data set that it came with (train, val or test): a preference for the split."""
    known_empty: bool
    """Whether its import, or `complete` without an annotation, said that it holds no object. Annotations
    on it say otherwise."""
    complete: bool | None
    """Whether all objects on it are annotated, where somebody has said so. Outside the annotations of an
    image that is not complete, nothing counts as background."""
    complete_asked: bool
    """Whether the last fine-tune found objects on it that nobody has annotated, and asks for `complete`."""
    created_at: str


class ImportSkipped(TypedDict):
    code: str
    count: int
    reason: str


class ImportNotes(TypedDict):
    code: str
    count: int
    message: str


class ImportSummaryLabels(TypedDict):
    label: str | None
    count: int


class ImportSummaryParts(TypedDict):
    train: int
    val: int
    test: int


class ImportSummary(TypedDict):
    images: int
    annotations: int
    background_images: int
    """Images known to contain no object."""
    labels: list[ImportSummaryLabels]
    parts: ImportSummaryParts
    """Images in each of the data set's parts."""


class ImportProgress(TypedDict):
    images_done: int
    images_total: int | None


class ImportError(TypedDict):
    code: str
    message: str
    file: NotRequired[str]
    """The file in the archive at which it failed."""


class Import(TypedDict):
    id: str
    object: Literal["import"]
    project_id: str
    status: Literal["queued", "running", "succeeded", "failed"]
    file_name: str | None
    bucket: BucketExportBucket | None
    """Where the data lie, if they are read from a bucket."""
    folder: str | None
    """Where the data lie, if they are read from a folder of the server."""
    bytes: int
    """Size of the file that was sent; 0 for what is read where it lies."""
    layout: str | None
    """What was recognised, such as coco, folders, yolo or labelme; several are joined by `+`. See
    docs/imports.md."""
    dry_run: bool
    """Whether it is a dry run: nothing is stored."""
    skipped: list[ImportSkipped] | None
    """What was left out, by reason; null until the archive has been read. The report lists each entry."""
    notes: list[ImportNotes] | None
    """What was decided or changed during the import."""
    summary: ImportSummary | None
    """What the data contained; null until it has been read to the end."""
    progress: ImportProgress
    images_created: int | None
    annotations_created: int | None
    error: ImportError | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class ImportReport(TypedDict):
    data: list[ImportReportEntry]


class ImportReportEntry(TypedDict):
    code: str
    reason: str
    file: str
    """In the zip."""
    line: int | None
    id: str | None
    """The name that the file itself gives it."""
    detail: str | None
    count: int
    """The number of objects it represents."""


class Key(TypedDict):
    id: str
    object: Literal["key"]
    name: str
    hint: str
    """The first characters of the key, to recognise it by."""
    scopes: list[Literal["read", "predict", "annotate", "train", "admin"]]
    requests_per_second: int | None
    """The limit of this key; null means the server's default for every key."""
    created_at: str
    expires_at: str | None
    rotated_at: str | None
    previous_expires_at: str | None
    """Until then the key from before the last rotation works too."""
    last_used_at: str | None
    """Accurate to the minute."""


class LabelStudioHealth(TypedDict):
    status: Literal["UP"]
    model_class: str


class LabelStudioHeardResult(TypedDict):
    images: NotRequired[list[str]]
    """Images whose annotations were replaced."""
    annotations: NotRequired[int]
    """Annotations that were made."""
    deleted: NotRequired[int]
    """Annotations that were deleted."""
    left_out: NotRequired[dict[str, int]]
    """Regions that did not become annotations, by reason."""
    fine_tune: NotRequired[str]
    """The fine-tune that is under way."""


class LabelStudioHeard(TypedDict):
    status: Literal["ok"]
    result: LabelStudioHeardResult


class LabelStudioPredictionsResultsResultPrewarmAckValue(TypedDict):
    status: Literal["ok"]
    cached: list[int]
    pending: list[int]


class LabelStudioPredictionsResultsResultPrewarmAck(TypedDict):
    id: str
    from_name: str
    to_name: str
    type: Literal["prewarm_ack"]
    origin: Literal["manual"]
    value: LabelStudioPredictionsResultsResultPrewarmAckValue


class LabelStudioPredictionsResults(TypedDict):
    result: list[LabelStudioRegion | LabelStudioPredictionsResultsResultPrewarmAck]
    model_version: str
    score: float
    """Mean of its regions' scores."""


class LabelStudioPredictionsResults2(TypedDict):
    error: FineTuneError
    """Why this task of several has no prediction."""


class LabelStudioPredictions(TypedDict):
    results: list[LabelStudioPredictionsResults | LabelStudioPredictionsResults2]


class LabelStudioRegionValueRle(TypedDict):
    format: Literal["rle"]
    rle: list[int]
    brushlabels: list[str]


class LabelStudioRegionValue(TypedDict):
    points: list[list[float]]
    closed: Literal[True]
    polygonlabels: list[str]


class LabelStudioRegionValue2(TypedDict):
    x: float
    y: float
    width: float
    height: float
    rotation: Literal[0]
    rectanglelabels: list[str]


class LabelStudioRegion(TypedDict):
    id: str
    from_name: str
    to_name: str
    original_width: int
    original_height: int
    image_rotation: Literal[0]
    type: Literal["brushlabels", "polygonlabels", "rectanglelabels"]
    value: LabelStudioRegionValueRle | LabelStudioRegionValue | LabelStudioRegionValue2
    score: float
    readonly: Literal[False]


class LabelStudioSetup(TypedDict):
    model_version: str


class LabelStudioVersions(TypedDict):
    versions: list[str]


class Link(TypedDict):
    object: Literal["link"]
    method: Literal["GET", "PUT"]
    url: str
    """Gives access to one object to anyone who has it, without a key."""
    headers: dict[str, str]
    """Must be sent with the request exactly as given."""
    expires_at: str


class ListedImage(Image):
    worth: NotRequired[Worth]


class LoggedPromptMaskRle(TypedDict):
    format: Literal["rle"]
    size: list[int]
    counts: str


class LoggedPromptMaskPrediction(TypedDict):
    format: Literal["prediction"]
    id: str
    version: int
    prompt: int
    mask: int


class LoggedPromptLike(TypedDict):
    annotation: str


class LoggedPromptLike2(TypedDict):
    annotations: list[str]


class LoggedPromptLike3(TypedDict):
    box: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""


class LoggedPromptFound(TypedDict):
    version: Literal["base"] | int
    box: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""
    label: str | None


class LoggedPrompt(TypedDict):
    box: NotRequired[list[float]]
    """With `label` or `like`, the region that was searched; in the lineage of a found object, the box
    that its mask was made with, which nobody drew."""
    points: NotRequired[list[list[float]]]
    mask: NotRequired[LoggedPromptMaskRle | LoggedPromptMaskPrediction | None]
    """null if logits were sent, which are not logged. Version 0 is the base."""
    grid: NotRequired[Literal[True]]
    """The point comes from segment-everything's grid: nobody clicked there, and prompt sampling does not
    learn from it."""
    label: NotRequired[str]
    """The label whose objects were asked for, as it was written."""
    region: NotRequired[Literal[True]]
    """All its objects were asked for as one mask: those in `found` are its parts."""
    find: NotRequired[Literal[True]]
    """The objects of all labels were asked for."""
    like: NotRequired[LoggedPromptLike | LoggedPromptLike2 | LoggedPromptLike3]
    """Objects like this one were asked for."""
    exclude: NotRequired[list[list[float]]]
    found: NotRequired[list[LoggedPromptFound]]
    """The objects found, in the order of each version's answer, with the boxes that their masks were made
    with."""


class MaskLogits(TypedDict):
    format: Literal["logits"]
    shape: list[int]
    """[height, width]"""
    dtype: Literal["float32"]
    data: str
    """Little-endian float32 in base64, row-major."""


class McpAnswerError(TypedDict):
    code: int
    message: str
    data: NotRequired[dict[str, Any]]


class McpAnswer(TypedDict):
    jsonrpc: Literal["2.0"]
    id: NotRequired[str | float | None]
    result: NotRequired[dict[str, dict[str, Any]]]
    error: NotRequired[McpAnswerError]


class ModelSignatureVerificationMaterialPublicKey(TypedDict):
    hint: NotRequired[str]


class ModelSignatureVerificationMaterial(TypedDict):
    publicKey: ModelSignatureVerificationMaterialPublicKey


class ModelSignatureDsseEnvelopeSignatures(TypedDict):
    sig: str


class ModelSignatureDsseEnvelope(TypedDict):
    payload: str
    """Base64 of an in-toto statement."""
    payloadType: str
    signatures: list[ModelSignatureDsseEnvelopeSignatures]


class ModelSignature(TypedDict):
    mediaType: str
    verificationMaterial: ModelSignatureVerificationMaterial
    dsseEnvelope: ModelSignatureDsseEnvelope


class ModelSigningKey(TypedDict):
    object: Literal["model_signing_key"]
    id: str
    """SHA-256 of the PEM text; signatures name their key by it."""
    pem: str
    """SubjectPublicKeyInfo in PEM."""


class NewKey(Key):
    key: str | None
    """The key itself, shown only this once: only its hash is stored, so a replay by Idempotency-Key has
    null here."""


class Upload(TypedDict):
    id: str
    object: Literal["upload"]
    purpose: Literal["image", "import"]
    status: Literal["pending", "completed"]
    bytes: int
    sha256: str
    file_name: str | None
    image_id: str | None
    """The image created from it, once completed."""
    import_id: str | None
    created_at: str
    expires_at: str
    completed_at: str | None


class NewUpload(Upload):
    link: Link


class Webhook(TypedDict):
    id: str
    object: Literal["webhook"]
    url: str
    project_id: str | None
    """null: all projects of the workspace."""
    events: list[Literal["fine_tune.queued", "fine_tune.started", "fine_tune.succeeded", "fine_tune.failed", "fine_tune.cancelled", "import.succeeded", "import.failed", "version.promoted"]]
    """The events to send; all if none are named."""
    enabled: bool
    """A webhook whose receiver answers 410 is disabled."""
    previous_secret_expires_at: str | None
    """Until then messages are also signed with the secret from before the last rotation."""
    created_at: str


class NewWebhook(Webhook):
    secret: str | None
    """Signs every message. Shown only this once: a replay by Idempotency-Key has null here."""


class PredictionImage(TypedDict):
    id: str | None
    width: int
    height: int
    sha256: str
    """The image's handle: sent as `image.sha256` in the next request it replaces the bytes."""


class PredictionResultsPredictionsMasksRle(TypedDict):
    format: Literal["rle"]
    size: list[int]
    """[height, width]"""
    counts: str
    """COCO's compressed run-length text."""
    score: float
    """The decoder's IoU prediction."""
    object_score: NotRequired[float]
    """SAM 2's probability that there is an object where the prompt points, from 0 to 1; the same for all
    masks of a prompt. Fine-tunes don't train it. Missing on SAM, and where the decoder came in a file
    without its head, as samexporter writes them."""
    bbox: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""
    area: int
    label: NotRequired[str | None]
    """What the object is; null for annotations without a label. Present for drawn prompts only with
    `labels`, where the version recognises something."""
    label_score: NotRequired[float]
    """The expected share of such finds that are objects, from 0 to 1; of what `like` found, how much it
    is like the object shown, not calibrated."""


class PredictionResultsPredictionsMasksPolygon(TypedDict):
    format: Literal["polygon"]
    polygons: list[list[float]]
    """Rings as [x, y, x, y, …]."""
    score: float
    """The decoder's IoU prediction."""
    object_score: NotRequired[float]
    """SAM 2's probability that there is an object where the prompt points, from 0 to 1; the same for all
    masks of a prompt. Fine-tunes don't train it. Missing on SAM, and where the decoder came in a file
    without its head, as samexporter writes them."""
    bbox: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""
    area: int
    label: NotRequired[str | None]
    """What the object is; null for annotations without a label. Present for drawn prompts only with
    `labels`, where the version recognises something."""
    label_score: NotRequired[float]
    """The expected share of such finds that are objects, from 0 to 1; of what `like` found, how much it
    is like the object shown, not calibrated."""


class PredictionResultsPredictionsMasksPng(TypedDict):
    format: Literal["png"]
    data: str
    """A PNG in base64 (a data URL is taken, too): 0 is background, 255 foreground."""
    score: float
    """The decoder's IoU prediction."""
    object_score: NotRequired[float]
    """SAM 2's probability that there is an object where the prompt points, from 0 to 1; the same for all
    masks of a prompt. Fine-tunes don't train it. Missing on SAM, and where the decoder came in a file
    without its head, as samexporter writes them."""
    bbox: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""
    area: int
    label: NotRequired[str | None]
    """What the object is; null for annotations without a label. Present for drawn prompts only with
    `labels`, where the version recognises something."""
    label_score: NotRequired[float]
    """The expected share of such finds that are objects, from 0 to 1; of what `like` found, how much it
    is like the object shown, not calibrated."""


class PredictionResultsPredictionsMasksLogits(TypedDict):
    format: Literal["logits"]
    shape: list[int]
    """[height, width]"""
    dtype: Literal["float32"]
    data: str
    """Little-endian float32 in base64, row-major."""
    score: float
    """The decoder's IoU prediction."""
    object_score: NotRequired[float]
    """SAM 2's probability that there is an object where the prompt points, from 0 to 1; the same for all
    masks of a prompt. Fine-tunes don't train it. Missing on SAM, and where the decoder came in a file
    without its head, as samexporter writes them."""
    bbox: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""
    area: int
    label: NotRequired[str | None]
    """What the object is; null for annotations without a label. Present for drawn prompts only with
    `labels`, where the version recognises something."""
    label_score: NotRequired[float]
    """The expected share of such finds that are objects, from 0 to 1; of what `like` found, how much it
    is like the object shown, not calibrated."""


class PredictionResultsPredictions(TypedDict):
    masks: list[PredictionResultsPredictionsMasksRle | PredictionResultsPredictionsMasksPolygon | PredictionResultsPredictionsMasksPng | PredictionResultsPredictionsMasksLogits]
    """Found objects are ordered by label_score, the best first."""
    left_out: NotRequired[int]
    """Objects that `max_objects` left out. Missing for drawn prompts."""


class PredictionResults(TypedDict):
    version: Literal["base"] | int
    predictions: list[PredictionResultsPredictions]
    found: NotRequired[PredictionResultsPredictions]
    """Objects of all labels, with `find`. In feedback and mask references their prompt index is the
    number of prompts."""


class PredictionClipped(TypedDict):
    param: str
    to: list[float]
    """The box or point that was used."""


class PredictionTimingMs(TypedDict):
    queue: float
    embed: float
    decode: float
    encode: float
    total: float


class Prediction(TypedDict):
    id: str
    object: Literal["prediction"]
    image: PredictionImage
    results: list[PredictionResults]
    clipped: NotRequired[list[PredictionClipped]]
    """Boxes that extended past the image's edge and were cut there, and points less than a pixel outside.
    Missing if there were none."""
    timing_ms: PredictionTimingMs


class PredictionLogEntryImage(TypedDict):
    sha256: str
    width: int | None
    height: int | None


class PredictionLogEntry(TypedDict):
    id: str
    object: Literal["prediction.log"]
    image: PredictionLogEntryImage
    versions: list[Literal["base"] | int]
    prompts: NotRequired[list[LoggedPrompt]]
    """Only when a single prediction is requested."""
    prompt_count: int
    mask_count: int | None
    multimask: bool | Literal["best"] | None
    format: Literal["rle", "polygon", "png", "logits", None]
    request_bytes: int | None
    answer_bytes: int | None
    embedding_from: Literal["memory", "store", "encoder", None]
    timing_ms: dict[str, float]
    """Like mask_count, answer_bytes and embedding_from, written within a second of the answer; missing if
    the server was killed in between."""
    actor: str | None
    """The key that made the request."""
    created_at: str


class PrewarmImage(TypedDict):
    id: str | None
    width: int
    height: int
    sha256: str


class Prewarm(TypedDict):
    object: Literal["prewarm"]
    image: PrewarmImage
    versions: list[Literal["base"] | int]
    embedding_from: Literal["memory", "store", "encoder"]
    """encoder: it was computed just now; memory: nothing had to be done."""
    timing_ms: PredictionTimingMs


class Project(TypedDict):
    id: str
    object: Literal["project"]
    name: str
    base_model: str
    base_choice: BaseChoice
    active_version: int | None
    """The version that predict uses; null means the base."""
    promotion_policy: Literal["auto", "manual", "always"]
    """Whether the version from a fine-tune goes live automatically. auto: if the 95 % interval of its
    gain over the base lies above zero; manual: never; always: regardless of the measurement."""
    fine_tune_after_corrections: int | None
    """Number of new corrections (feedback) after which a fine-tune starts automatically; null: never.
    Corrections since the last fine-tune began count; while one runs, they are checked when it ends."""
    prediction_retention_days: int
    """How many days logged predictions are kept; 0: until the next sweep, at most an hour."""
    created_at: str


class ProjectOverviewLabels(TypedDict):
    label: str
    annotations: int


class ProjectOverviewLive(TypedDict):
    version: int
    base_iou: float | None
    tuned_iou: float | None


class ProjectOverview(TypedDict):
    object: Literal["project_overview"]
    images: int
    labelled_images: int
    empty_images: int
    """Images known to contain no object. Fine-tunes learn from objects and do not use them."""
    asked_images: int
    """Images of which a fine-tune asks whether all objects on them are annotated."""
    annotations: int
    labels: list[ProjectOverviewLabels]
    cover_image_id: str | None
    live: ProjectOverviewLive | None
    """Mean IoU on its held-out images, if measured; null when the base is live."""


class Promotion(TypedDict):
    id: str
    object: Literal["promotion"]
    kind: Literal["promote", "rollback", "auto"]
    from_version: int | None
    """Null means the base."""
    to_version: int | None
    actor: str
    """The id of the key, or of the fine-tune for auto."""
    reason: str
    created_at: str


class PromptMaskPrediction(TypedDict):
    format: Literal["prediction"]
    id: str
    """An earlier prediction on the same image."""
    version: NotRequired[Literal["base"] | int]
    """The version whose mask is meant; defaults to the first that answered."""
    prompt: NotRequired[int]
    """Index of the prompt in that request."""
    mask: NotRequired[int]
    """Index among that prompt's masks."""


class Proposal(TypedDict):
    id: str
    object: Literal["proposal"]
    image_id: str
    auto_label_id: str
    version: int
    """The version that found it."""
    mask: Mask
    box: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""
    area: int
    """Foreground pixels."""
    label: str | None
    label_score: float
    """The expected share of such finds that are objects, from 0 to 1."""
    score: float
    """The decoder's IoU prediction."""
    status: Literal["pending", "accepted", "rejected"]
    annotation_id: str | None
    """The annotation that it became; null unless it is accepted, and once that annotation is deleted."""
    decided_by: str | None
    """The key that decided last."""
    created_at: str
    decided_at: str | None


class SegmentationResultsMasksRle(TypedDict):
    format: Literal["rle"]
    size: list[int]
    """[height, width]"""
    counts: str
    """COCO's compressed run-length text."""
    score: float
    """The decoder's IoU prediction."""
    stability_score: float
    bbox: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""
    area: int
    point: list[float]
    """[x, y] of the point that found it, in pixels of the image."""
    crop_box: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""


class SegmentationResultsMasksPolygon(TypedDict):
    format: Literal["polygon"]
    polygons: list[list[float]]
    """Rings as [x, y, x, y, …]."""
    score: float
    """The decoder's IoU prediction."""
    stability_score: float
    bbox: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""
    area: int
    point: list[float]
    """[x, y] of the point that found it, in pixels of the image."""
    crop_box: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""


class SegmentationResultsMasksPng(TypedDict):
    format: Literal["png"]
    data: str
    """A PNG in base64 (a data URL is taken, too): 0 is background, 255 foreground."""
    score: float
    """The decoder's IoU prediction."""
    stability_score: float
    bbox: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""
    area: int
    point: list[float]
    """[x, y] of the point that found it, in pixels of the image."""
    crop_box: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""


class SegmentationResultsMasksLogits(TypedDict):
    format: Literal["logits"]
    shape: list[int]
    """[height, width]"""
    dtype: Literal["float32"]
    data: str
    """Little-endian float32 in base64, row-major."""
    score: float
    """The decoder's IoU prediction."""
    stability_score: float
    bbox: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""
    area: int
    point: list[float]
    """[x, y] of the point that found it, in pixels of the image."""
    crop_box: list[float]
    """[x0, y0, x1, y1] in pixels of the original image."""


class SegmentationResults(TypedDict):
    version: Literal["base"] | int
    masks: list[SegmentationResultsMasksRle | SegmentationResultsMasksPolygon | SegmentationResultsMasksPng | SegmentationResultsMasksLogits]


class Segmentation(TypedDict):
    id: str
    object: Literal["segmentation"]
    image: PrewarmImage
    results: list[SegmentationResults]
    timing_ms: PredictionTimingMs


class SessionKey(TypedDict):
    id: str
    name: str
    scopes: list[Literal["read", "predict", "annotate", "train", "admin"]]


class Session(TypedDict):
    object: Literal["session"]
    workspace_id: str
    key: SessionKey
    expires_at: str | None
    """When the cookie expires; null for a request with an API key."""


class UsagePeriod(TypedDict):
    start: str
    end: str


class UsageImages(TypedDict):
    used: int
    limit: int | None
    """null: unlimited."""


class UsageStored(TypedDict):
    images: int
    """As uploaded."""
    imported_versions: int
    """Their weights, as stored."""
    waiting_imports: int
    """Archives of imports that have not ended."""
    uploads: int
    """Announced uploads, until they are completed or expire."""
    embeddings: int
    """Cached to answer faster; the oldest make room for everything else."""


class UsageTrainingMinutes(TypedDict):
    used: float
    limit: int | None
    """null: unlimited."""


class Usage(TypedDict):
    object: Literal["usage"]
    workspace_id: str
    period: UsagePeriod
    """The calendar month (UTC) for which training_minutes and predictions are counted."""
    images: UsageImages
    """Held now, in all projects."""
    bytes: UsageImages
    """The sum of `stored`. Excludes what fine-tunes produce (trained weights, resume states and
    pictures), which training_minutes limits."""
    stored: UsageStored
    """Bytes by kind."""
    training_minutes: UsageTrainingMinutes
    """That fine-tunes and previews have run in this period."""
    predictions: UsageImages
    """Requests to predict and segment-everything that were answered in this period, whatever is still in
    the log. Counted within a second of the answer; there is no quota."""


class VersionImported(TypedDict):
    format: Literal["safetensors", "pth", "onnx"]
    file_name: str | None
    sha256: str
    bytes: int
    says: dict[str, str]
    """What the file says about itself, unverified."""
    notes: list[str]
    """For people: what was left out of the file or decided when it was read, such as tensors outside the
    model, which of several models was read, an image encoder that is not used, a prompt encoder taken
    from the base."""
    focus: Literal["restored", "plain", "unknown"]
    """Where the version's focus comes from. restored: from the file, with window and refining; plain: the
    file says that it has none; unknown: the file says nothing, so it is used on whole images."""
    actor: str
    """The id of the key that sent it."""


class VersionMetricsHeldOutBase(TypedDict):
    mean_iou: float
    mean_dice: float


class VersionMetricsHeldOut(TypedDict):
    images: int
    annotations: int
    base: VersionMetricsHeldOutBase
    parent: NotRequired[VersionMetricsHeldOutBase]
    """Scores of parent_version, if that is not the base."""
    tuned: VersionMetricsHeldOutBase
    """Scores as served, with the version's focus."""
    decoder_alone: VersionMetricsHeldOutBase | None
    """Scores of the decoder alone on the whole image, without window, filter or point head, as exported
    files that contain only the decoder perform. Equal to tuned if focus is plain; null for older
    versions, where it was not measured."""


class VersionMetricsSplit(TypedDict):
    train: int
    selection: int
    held_out: int
    near_duplicates: int
    """Near-duplicate images, kept on the same side of the split."""


class VersionMetricsFeedback(TypedDict):
    corrected: int
    """Training annotations that come from corrections."""
    accepted: int
    """Training annotations that come from accepted masks."""
    prompts: int
    """Prompts in all training steps."""
    real_prompts: int
    """Those among them that imitate people's prompts: a logged prompt for the same object, or a box as
    far off the tight one as people's boxes are."""


class VersionMetricsTrialsZoom(TypedDict):
    context: float
    tiles: int
    click_side: float
    raster: NotRequired[float]


class VersionMetricsTrials(TypedDict):
    trial: int
    rung: Literal["zoom", "recipe", "final", "flips", "other"]
    zoom: VersionMetricsTrialsZoom | None
    loss: str
    learning_rate: float
    turns: bool
    samples: int
    mean_iou: float


class VersionMetricsCurve(TypedDict):
    epoch: int
    train_loss: float | None
    selection_iou: float
    selection_iou_low: float | None
    """Lower end of its 95 % interval over images; null if it rests on a single image, and for older
    versions."""
    selection_iou_high: float | None


class VersionMetricsPerAnnotation(TypedDict):
    image_id: str
    annotation_id: str
    base_iou: float
    tuned_iou: float


class VersionMetricsGate(TypedDict):
    policy: Literal["auto", "manual", "always"]
    promote: bool
    reason: str
    warnings: list[str]
    """Kinds of prompts with a loss."""


class VersionMetricsLatencyBox(TypedDict):
    warm_ms: float
    """With all embeddings that an answer needs in memory."""
    base_warm_ms: float
    ratio: float
    """warm_ms as a multiple of base_warm_ms."""
    cold_ms: float
    """With the image's own embedding in memory, but none of this version's windows."""
    encodes: int
    """Parts of the image that a cold answer has to encode."""


class VersionMetricsLatency(TypedDict):
    prompts: int
    """Prompts of each kind."""
    box: VersionMetricsLatencyBox
    click: VersionMetricsLatencyBox


class VersionMetricsServingCountedBox(TypedDict):
    warm: float
    """As a multiple of the base's, all embeddings in memory; interactive versions have 1.5 at most."""
    encodes: int
    """With nothing but the image's own embedding; interactive: 1 at most."""


class VersionMetricsServingCounted(TypedDict):
    box: VersionMetricsServingCountedBox
    click: VersionMetricsServingCountedBox


class VersionMetricsServingGivenUp(TypedDict):
    zoom: VersionMetricsTrialsZoom | None
    refined_by: Literal["points", "filter", None]
    mean_iou: float | None
    """null if it was not tried."""
    own_mean_iou: float | None
    """Mean IoU of this version's focus on the same samples."""
    samples: int


class VersionMetricsServing(TypedDict):
    asked: Literal["interactive", "best"]
    counted: VersionMetricsServingCounted
    """What an answer costs, computed at fixed rates rather than timed, because it decides what is
    trained: the same data yield the same version everywhere."""
    given_up: VersionMetricsServingGivenUp | None
    """What "best" would have taken and "interactive" does not; null where there was nothing."""
    interactive_twin: VersionMetricsServingGivenUp | None
    """What "interactive" would have taken in the place of this version; null where this one answers as
    quickly."""


class VersionMetricsFinderPartialImages(TypedDict):
    taught: int
    left_out: int
    asked: int


class VersionMetricsFinderAll(TypedDict):
    ap50: float | None
    """Average precision at mask IoU 0.5."""
    ap: float | None
    """Its mean at mask IoUs from 0.5 to 0.95 in steps of 0.05."""
    pq: float | None
    """Panoptic quality of what passes the threshold."""
    precision: float | None
    recall: float | None
    mean_iou: float | None
    """Mean over objects of the IoU with the found mask that fits best and passes the threshold; 0 for
    objects that were missed."""


class VersionMetricsFinderIntervalsAp50(TypedDict):
    low: float
    high: float


class VersionMetricsFinderIntervals(TypedDict):
    ap50: VersionMetricsFinderIntervalsAp50 | None
    """95 % interval over groups of images; null with one group."""
    pq: VersionMetricsFinderIntervalsAp50 | None
    """95 % interval over groups of images; null with one group."""


class VersionMetricsFinderLabels(TypedDict):
    ap50: float | None
    """Average precision at mask IoU 0.5."""
    ap: float | None
    """Its mean at mask IoUs from 0.5 to 0.95 in steps of 0.05."""
    pq: float | None
    """Panoptic quality of what passes the threshold."""
    precision: float | None
    recall: float | None
    mean_iou: float | None
    """Mean over objects of the IoU with the found mask that fits best and passes the threshold; 0 for
    objects that were missed."""
    label: str | None
    """null stands for annotations without a label."""
    annotations: int


class VersionMetricsFinderBeforeGain(TypedDict):
    mean: float
    low: float | None
    high: float | None


class VersionMetricsFinderBefore(TypedDict):
    version: int
    all: VersionMetricsFinderAll
    """Each from 0 to 1; null where there is nothing to find."""
    gain: VersionMetricsFinderBeforeGain


class VersionMetricsFinderGate(TypedDict):
    promote: bool
    reason: str


class VersionMetricsFinder(TypedDict):
    images: int
    empty_images: int
    """How many of these images are known to contain no object: whatever is found there is wrong."""
    partial_images: NotRequired[VersionMetricsFinderPartialImages]
    """Images that are only partly annotated, because somebody said so or objects without an annotation
    were found there: those that taught by their annotated objects alone, the held-out ones that did
    not judge, and those that `complete_asked` asks about; missing for older versions."""
    annotations: int
    groups: int
    all: VersionMetricsFinderAll
    """Each from 0 to 1; null where there is nothing to find."""
    intervals: VersionMetricsFinderIntervals
    labels: list[VersionMetricsFinderLabels]
    before: VersionMetricsFinderBefore | None
    """The finder of the version that was live, on the same images; null if there was none."""
    gate: VersionMetricsFinderGate
    """Whether it is good enough to be kept, and why."""
    seconds: float
    """Seconds that training and judging it took."""


class VersionMetricsEvaluationPromptsBase(TypedDict):
    mean_iou: float
    mean_dice: float
    mean_boundary_iou: float
    """Cheng et al. 2021, 2 % of the diagonal deep."""
    calibration_error: float
    """Expected calibration error of the scores that predictions carry, ten bins."""


class VersionMetricsEvaluationPromptsGain(TypedDict):
    iou: VersionMetricsFinderBeforeGain
    """Tuned less base, with its 95 % interval over groups of images: a paired bootstrap of 2,000, or with
    fewer than 8 groups Student's. Ends are null with one group."""
    dice: VersionMetricsFinderBeforeGain
    """Tuned less base, with its 95 % interval over groups of images: a paired bootstrap of 2,000, or with
    fewer than 8 groups Student's. Ends are null with one group."""
    boundary_iou: VersionMetricsFinderBeforeGain
    """Tuned less base, with its 95 % interval over groups of images: a paired bootstrap of 2,000, or with
    fewer than 8 groups Student's. Ends are null with one group."""


class VersionMetricsEvaluationPrompts(TypedDict):
    kind: Literal["box", "jittered_box", "one_click", "three_clicks", "click_refine"]
    """box: the annotation's own box; jittered_box: a box as drawn by hand; one_click: a click on the
    mask's most interior point; three_clicks: each click after the first corrects the previous answer;
    click_refine: the first click and a corrective one, with the low-res logits of the first answer."""
    annotations: int
    """box has all held-out annotations, the others at most 20, the same for every version."""
    groups: int
    base: VersionMetricsEvaluationPromptsBase
    tuned: VersionMetricsEvaluationPromptsBase
    gain: VersionMetricsEvaluationPromptsGain


class VersionMetricsEvaluationExamples(TypedDict):
    best: str
    median: str
    worst: str


class VersionMetricsEvaluationPerImage(TypedDict):
    image_id: str
    kind: Literal["box", "jittered_box", "one_click", "three_clicks", "click_refine"]
    """box: the annotation's own box; jittered_box: a box as drawn by hand; one_click: a click on the
    mask's most interior point; three_clicks: each click after the first corrects the previous answer;
    click_refine: the first click and a corrective one, with the low-res logits of the first answer."""
    annotations: int
    base_iou: float
    tuned_iou: float


class VersionMetricsEvaluation(TypedDict):
    prompts: list[VersionMetricsEvaluationPrompts]
    examples: VersionMetricsEvaluationExamples
    """Annotations ordered by their gain with the box prompt."""
    per_image: NotRequired[list[VersionMetricsEvaluationPerImage]]
    """Only when a single version is requested."""


class VersionMetrics(TypedDict):
    held_out: VersionMetricsHeldOut
    """All on the same images, which no training step used."""
    split: VersionMetricsSplit
    best_epoch: int
    feedback: NotRequired[VersionMetricsFeedback]
    """What people's feedback contributed to training; missing for older versions."""
    trials: list[VersionMetricsTrials]
    """Short training runs on halves of the data that chose the recipe and zoom; empty if none ran. Those
    with rung other were not chosen from: they show what was given up."""
    base_choice: NotRequired[dict[str, Any]]
    curve: list[VersionMetricsCurve]
    per_annotation: NotRequired[list[VersionMetricsPerAnnotation]]
    """Only when a single version is requested."""
    gate: NotRequired[VersionMetricsGate]
    """Whether it may go live automatically; promotions record what was done."""
    latency: NotRequired[VersionMetricsLatency]
    """Medians in milliseconds over held-out prompts, base and version one after the other in the same
    minute, as predict answers, on the trainer's machine."""
    serving: NotRequired[VersionMetricsServing]
    finder: NotRequired[VersionMetricsFinder]
    """How well objects are found without prompts, on the held-out images; missing for older versions."""
    evaluation: NotRequired[VersionMetricsEvaluation]
    """Missing for older versions, as are latency and serving."""


class VersionPictures(TypedDict):
    kind: Literal["best", "median", "worst"]
    url: str


class VersionFocusRefine(TypedDict):
    radius: int
    epsilon: float
    threshold: float
    most_pixels: NotRequired[int]


class VersionFocusRefine2PointHead(TypedDict):
    hidden: int
    weights: str
    most_points: NotRequired[int]
    most_pixels: NotRequired[int]
    score_shift: float


class VersionFocusRefine2(TypedDict):
    point_head: VersionFocusRefine2PointHead


class VersionFocus(TypedDict):
    zoom: VersionMetricsTrialsZoom | None
    refine: VersionFocusRefine | VersionFocusRefine2 | None


class VersionFinder(TypedDict):
    labels: list[str | None]
    """What it was taught: labels that predict may be asked for."""
    threshold: float
    """The label_score from which objects are answered with, unless a request says otherwise."""
    pool: int
    """The factor by which each side of the embedding's grid is reduced before the finder searches it: 1,
    2 or 4."""


class VersionRefitTwinWeights(TypedDict):
    sha256: str
    bytes: int


class VersionRefitTwin(TypedDict):
    weights: VersionRefitTwinWeights


class VersionRefit(TypedDict):
    images: int
    """All annotated images."""
    annotations: int
    samples: int
    """Training samples of this last training."""
    twin: VersionRefitTwin


class Version(TypedDict):
    id: str
    object: Literal["version"]
    number: int
    status: Literal["active", "inactive"]
    """Whether it is active: the version predict uses by default."""
    fine_tune_id: str | None
    """null for an uploaded version."""
    imported: VersionImported | None
    """The uploaded file; null for a version from a fine-tune."""
    base_model: str
    parent_version: int | None
    """The version that training started from; null means the base."""
    metrics: VersionMetrics | None
    """null for an uploaded version: nothing was measured."""
    pictures: list[VersionPictures]
    """Before, after and ground truth of held-out annotations, ordered by gain; missing for older
    versions."""
    snapshot_hash: str | None
    """Hash of the data that it was trained and measured on."""
    hyperparameters: dict[str, dict[str, Any]]
    """The values used; none is auto."""
    focus: VersionFocus
    """How it looks at images: the window that is encoded for a prompt (null: the whole image), and the
    guided filter or the point head, a small network of its own, that sharpens its masks (null: none).
    Predict honours it."""
    finder: VersionFinder | None
    """What finds its objects without prompts, by their labels; null for a version that can't find."""
    refit: VersionRefit | None
    """After its verdict, the winning recipe was trained once more on all annotated images, including
    those held out, and the result is what predict serves. All metrics and pictures are those of its
    twin, the weights as they were before, which never saw the held-out images. Null if it is served as
    it was measured."""
    seed: int | None
    engine: str | None
    weights: VersionRefitTwinWeights
    created_at: str


class WebhookDeliveryAttempts(TypedDict):
    at: str
    status: int | None
    """The receiver's HTTP status; null if there was no answer."""
    error: str | None
    ms: int


class WebhookDelivery(TypedDict):
    id: str
    """The message's `webhook-id`, the same for every attempt."""
    object: Literal["webhook.delivery"]
    webhook_id: str
    event: str
    payload: dict[str, dict[str, Any]]
    """The message body."""
    status: Literal["queued", "delivered", "failed"]
    """queued: waiting to be delivered, possibly again."""
    attempts: list[WebhookDeliveryAttempts]
    """The last twenty attempts, oldest first."""
    attempt_count: int
    created_at: str
    delivered_at: str | None


class Worth(TypedDict):
    rank: int | None
    """From 1, the best to label next; null for images that are not ranked: those without an embedding
    yet, and those beyond the first 200 or the newest 4000."""
    reasons: list[Literal["in_the_middle", "unlike_others", "finder_unsure", "near_duplicate", "not_embedded", "beyond_ranking"]]
    """`in_the_middle`: nothing is labelled, and it is the most typical image. `unlike_others`: it is
    least like what is labelled or ranked higher. `finder_unsure`: the live version's finder is in
    doubt about it. `near_duplicate`: it shows the same as an image that is labelled or ranked higher.
    `not_embedded`: it has not been looked at; opening it or an auto-label does so. `beyond_ranking`:
    only so many are ranked."""
    distance: float | None
    """From 0, the same as an image that is labelled or ranked higher, to 1, as far from all of these as
    two images usually are; null if there are none."""
    doubt: float | None
    """The finder's doubt, 1 for the image it doubts most; null if the live version has not looked for
    objects in it."""
    near_duplicate_of: str | None
    """The image ranked higher that shows the same; null where that one is labelled."""


AnnotationMask: TypeAlias = "AnnotationMaskRle | AnnotationMaskPolygon | AnnotationMaskPng"


CocoResults: TypeAlias = "list[CocoResults2]"


CvatObjects: TypeAlias = "list[CvatObjects2]"


Mask: TypeAlias = "AnnotationMaskRle | AnnotationMaskPolygon | AnnotationMaskPng | MaskLogits"


PromptMask: TypeAlias = "AnnotationMaskRle | AnnotationMaskPolygon | AnnotationMaskPng | MaskLogits | PromptMaskPrediction"

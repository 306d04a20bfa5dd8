import type { DataSet, Element } from "dicom-parser";
import { AppError } from "../../lib/errors.ts";

/** What the data set of a DICOM file says of its pixels. Source: DICOM PS3.3, C.7.6.3 and C.11. */
export interface DicomFile {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly bands: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly isSigned: boolean;
  /** PhotometricInterpretation, such as MONOCHROME2 or RGB. */
  readonly photometric: string;
  /** Whether all of R comes before all of G, where pixels are not compressed. */
  readonly isPlanar: boolean;
  readonly slope: number;
  readonly intercept: number;
  /** Centre and width of the window that the file is to be seen with. */
  readonly window: readonly [centre: number, width: number] | null;
  readonly syntax: string;
  readonly dataSet: DataSet;
  readonly pixels: Element;
}

const tags = {
  syntax: "x00020010",
  bands: "x00280002",
  photometric: "x00280004",
  planar: "x00280006",
  frames: "x00280008",
  rows: "x00280010",
  columns: "x00280011",
  bitsAllocated: "x00280100",
  bitsStored: "x00280101",
  representation: "x00280103",
  windowCentre: "x00281050",
  windowWidth: "x00281051",
  intercept: "x00281052",
  slope: "x00281053",
  pixels: "x7fe00010",
} as const;

const deflated = "1.2.840.10008.1.2.1.99";

/** Throws AppError image_format_unsupported for a file without pixels that are read, and the parser's Error. */
export async function readDicomFile(bytes: Uint8Array): Promise<DicomFile> {
  const { default: parser } = await import("dicom-parser");
  const syntax = parsed(() => parser.readPart10Header(bytes)).string(tags.syntax) ?? "";
  // Its parser would unpack it to whatever size.
  if (syntax === deflated) throw unread("a deflated data set");
  const dataSet = parsed(() => parser.parseDicom(bytes));
  const pixels = dataSet.elements[tags.pixels];
  const [height, width] = [dataSet.uint16(tags.rows), dataSet.uint16(tags.columns)];
  if (!pixels || !height || !width) throw unread("no pixels (a report, a structure set or a directory)");
  // Blanks and words in the place of a number tell as little as its absence.
  const number = (tag: string, otherwise: number): number => {
    const value = dataSet.floatString(tag, 0);
    return value !== undefined && Number.isFinite(value) ? value : otherwise;
  };
  const bitsAllocated = dataSet.uint16(tags.bitsAllocated) ?? 8;
  const [centre, extent] = [number(tags.windowCentre, NaN), number(tags.windowWidth, NaN)];
  return {
    width,
    height,
    // A frame has a byte at least.
    frames: Math.max(1, Math.min(pixels.length, dataSet.intString(tags.frames) || 1)),
    bands: dataSet.uint16(tags.bands) ?? 1,
    bitsAllocated,
    bitsStored: dataSet.uint16(tags.bitsStored) ?? bitsAllocated,
    isSigned: dataSet.uint16(tags.representation) === 1,
    photometric: dataSet.string(tags.photometric) ?? "MONOCHROME2",
    isPlanar: dataSet.uint16(tags.planar) === 1,
    slope: number(tags.slope, 1),
    intercept: number(tags.intercept, 0),
    window: Number.isFinite(centre) && extent >= 1 ? [centre, extent] : null,
    syntax,
    dataSet,
    pixels,
  };
}

/** What the parser throws is no Error, but has what it had read, patients' names among it. */
function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    const { exception } = thrown as { exception?: unknown };
    const reason = [thrown, exception].find((one) => typeof one === "string");
    const said = typeof reason === "string" ? reason.replace(/^dicomParser\.\w+: /, "") : "it is damaged";
    // oxlint-disable-next-line eslint/preserve-caught-error -- the cause would carry those names into logs
    throw new Error(said);
  }
}

export const unread = (what: string, advice = "save its frames as PNG or 16-bit TIFF"): AppError =>
  new AppError("image_format_unsupported", `the DICOM file has ${what}, which is not read; ${advice}`);

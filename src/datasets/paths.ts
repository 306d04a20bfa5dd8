/** Kinds and parts of the names of files. */
const imageName = /\.(jpe?g|jpe|jfif|png|webp|tiff?|bmp|dib|gif|avif|hei[cf]|hif|jp2|j2[kc]|jpx|dcm|dicom)$/i;
/** Formats that change values, so that no masks are kept in them. */
const lossyName = /\.(jpe?g|jpe|jfif|webp|avif|hei[cf]|hif)$/i;
/** Formats that cameras and scanners write rather than programs that draw masks. */
const scanName = /\.(jp2|j2[kc]|jpx|dcm|dicom)$/i;
/** Pictures of formats that are refused by name where nothing but them is there. */
const foreignImageName =
  /\.(jxl|psd|svg|ppm|pgm|pbm|tga|raw|cr2|nef|arw|dng|exr|hdr|nii|nii\.gz|mrxs|svs|ndpi|czi|lif|nd2)$/i;

export const isImageName = (name: string): boolean => imageName.test(name);
export const isForeignImageName = (name: string): boolean => foreignImageName.test(name);

export const isLossyName = (name: string): boolean => lossyName.test(name);
export const isScanName = (name: string): boolean => scanName.test(name);

/** `images/sub/a.b.jpg` to `sub/a.b`. */
export const stemOf = (name: string): string => name.replace(/^images\//, "").replace(/\.[^./]+$/, "");

export const baseOf = (name: string): string => name.slice(name.lastIndexOf("/") + 1);

export const folderOf = (name: string): string => name.slice(0, name.lastIndexOf("/") + 1);

/** The last part of a path without its extension. */
export const baseStemOf = (name: string): string => baseOf(name).replace(/\.[^.]+$/, "");

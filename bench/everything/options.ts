export const parityUsage =
  "  everything-parity IMAGE... [--json] [--python PATH] [--meta PATH] [--threads N] [--settings JSON]...\n" +
  "          what segment-everything finds in real images, against Meta's automatic mask generator\n";

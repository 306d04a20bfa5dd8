import { describe, expect, it } from "vitest";
import { labelsMeant } from "../../src/domain/label-names.ts";

const labels = ["stamp", "Box", "city", null, "leaf", "knife", "glass", "post stamp", "bus"];

describe("the labels that a name means", () => {
  it.each([
    ["stamp", ["stamp"]],
    ["STAMP", ["stamp"]],
    ["  Stamps ", ["stamp"]],
    ["boxes", ["Box"]],
    ["Cities", ["city"]],
    ["leaves", ["leaf"]],
    ["knives", ["knife"]],
    ["glasses", ["glass"]],
    ["buses", ["bus"]],
    ["post\t Stamps", ["post stamp"]],
    ["ｓｔａｍｐ", ["stamp"]],
  ])("%j: %j", (asked, meant) => {
    expect(labelsMeant(asked, labels)).toEqual(meant);
  });

  it.each(["stam", "stampss", "", " ", "glas", "bu", "null", "it", "stamp post"])("%j: none", (asked) => {
    expect(labelsMeant(asked, labels)).toEqual([]);
  });

  it("forgives a singular where the label is a plural", () => {
    expect(labelsMeant("crack", ["Cracks"])).toEqual(["Cracks"]);
  });

  it("is what is written just so, before what is written otherwise", () => {
    const alike = ["stamps", "Stamp", "stamp"];
    expect(labelsMeant("stamp", alike)).toEqual(["stamp"]);
    expect(labelsMeant("STAMP", alike)).toEqual(["Stamp", "stamp"]);
    expect(labelsMeant("stamps", alike)).toEqual(["stamps"]);
    expect(labelsMeant("Stamps", ["Stamp", "stamp"])).toEqual(["Stamp", "stamp"]);
  });
});

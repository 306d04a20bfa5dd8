import { expect, it } from "vitest";
import { arrayIn, numpyDict } from "../../src/datasets/numpy.ts";

it("reads an array beside a whole number of eight bytes, a deque and an OrderedDict", () => {
  // By NumPy 2: np.save of {"masks": ..., "big": 2**60, "dq": deque([1]), "od": OrderedDict(a=1)}
  const file =
    "k05VTVBZAQB2AHsnZGVzY3InOiAnfE8nLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqABJU2AQAAAAAAAIwWbnVtcHkuX2NvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBKWgDjAVkdHlwZZSTlIwCTziUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LP3SUYoldlH2UKIwFbWFza3OUaAJoBUsAhZRoB4eUUpQoSwFLAksDhpRoC4wCdTKUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYolDDAAAAQAAAAAAAAAAAJR0lGKMA2JpZ5SKCAAAAAAAAAAQjAJkcZSMC2NvbGxlY3Rpb25zlIwFZGVxdWWUk5QpUpRLAWGMAm9klGghjAtPcmRlcmVkRGljdJSTlClSlIwBYZRLAXN1YXSUYi4=";
  const dict = numpyDict(Buffer.from(file, "base64"));
  expect([...dict.keys()]).toEqual(["masks", "big", "dq", "od"]);
  const masks = arrayIn(dict.get("masks"));
  expect(masks).toMatchObject({ type: "<u2", shape: [2, 3], fortran: false });
  expect([...masks.bytes]).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

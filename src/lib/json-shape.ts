import type { z } from "zod";

/** What JSON may be at one place, as far as it bounds the work of reading it. */
export interface Shape {
  /** Whether it is passed over: all that bounds it is the body itself. */
  free?: true;
  /** The longest text, in characters; null where none may be. */
  text: number | null;
  number: Numbers | null;
  /** Whether true, false or null may be. */
  other: boolean;
  array: { items: Shape; least: number; most: number } | null;
  /** By key; `rest` is for every other key, which is not taken where there is none. */
  object: { fields: Map<string, Shape>; rest: Shape | null } | null;
}

interface Numbers {
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
}

/** Characters at most of texts whose format bounds them: times, URLs. */
const formattedText = 2000;

const nothing = (): Shape => ({ text: null, number: null, other: false, array: null, object: null });

/** Where a schema leaves it open what comes: so much of everything. */
function anything(depth = 6): Shape {
  const inner = depth === 0 ? null : anything(depth - 1);
  return {
    text: 2000,
    number: { min: -Infinity, max: Infinity, whole: false },
    other: true,
    array: inner && { items: inner, least: 0, most: 100 },
    object: inner && { fields: new Map(), rest: inner },
  };
}

const passed = new WeakSet<z.ZodType>();

/** Says that what stands here is passed over: other programs send it along, and nothing reads it or bounds it by itself. */
export function passOver<Schema extends z.ZodType>(schema: Schema): Schema {
  passed.add(schema);
  return schema;
}

/** Whether an array holds bytes alone: a number of it is then no work to speak of. */
export const isBytes = ({ array }: Shape): boolean => {
  const { text, number, other, object } = array?.items ?? nothing();
  return number !== null && number.min >= 0 && number.max <= 255 && text === null && !other && !object;
};

/** What zod keeps of a schema; `def` differs by type. */
interface Inside {
  readonly def: {
    type: string;
    innerType?: z.ZodType;
    in?: z.ZodType;
    element?: z.ZodType;
    items?: z.ZodType[];
    shape?: Record<string, z.ZodType>;
    valueType?: z.ZodType;
    options?: z.ZodType[];
    values?: unknown[];
    entries?: Record<string, unknown>;
    catchall?: z.ZodType;
    format?: string;
    checks?: { _zod: { def: Check } }[];
  };
}

interface Check {
  readonly check: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly length?: number;
  readonly value?: number;
  readonly format?: string;
}

/** What a schema's checks say of lengths, of numbers and of a text's format. */
function boundsOf({ format, checks = [] }: Inside["def"]) {
  const all = checks.map(({ _zod }) => _zod.def);
  const of = (check: string) => all.filter((one) => one.check === check);
  return {
    least: Math.max(0, ...all.map(({ minimum, length }) => minimum ?? length ?? 0)),
    most: Math.min(Infinity, ...all.map(({ maximum, length }) => maximum ?? length ?? Infinity)),
    min: Math.max(-Infinity, ...of("greater_than").map(({ value }) => value as number)),
    max: Math.min(Infinity, ...of("less_than").map(({ value }) => value as number)),
    format: format ?? all.find((one) => one.format !== undefined)?.format,
  };
}

/**
 * The bounds that a schema sets, read from the schema itself. A union takes all that one of its branches takes.
 * Throws an Error where a text or an array has no bound, or where the schema is of a kind that is not known here.
 */
export function shapeOf(schema: z.ZodType, place = "the body"): Shape {
  if (passed.has(schema)) return { ...nothing(), free: true };
  const { def } = schema._zod as unknown as Inside;
  const { least, most, min, max, format } = boundsOf(def);
  const inner = def.innerType ?? def.in;
  switch (def.type) {
    case "string":
      if (most === Infinity && format === undefined) throw new Error(`${place}: a text without a bound`);
      return { ...nothing(), text: Math.min(most, format === undefined ? most : formattedText) };
    case "number":
      return { ...nothing(), number: { min, max, whole: format?.endsWith("int") ?? false } };
    case "boolean":
    case "null":
      return { ...nothing(), other: true };
    case "literal":
    case "enum":
      return valuesShape(def.values ?? Object.values(def.entries ?? {}));
    case "array":
      if (most === Infinity) throw new Error(`${place}: an array without a bound`);
      return { ...nothing(), array: { items: shapeOf(def.element as z.ZodType, `${place}[]`), least, most } };
    case "tuple": {
      const items = (def.items ?? []).map((item, i) => shapeOf(item, `${place}[${i}]`));
      return { ...nothing(), array: { items: either(items), least: items.length, most: items.length } };
    }
    case "object": {
      const fields = Object.entries(def.shape ?? {}).map(
        ([key, value]) => [key, shapeOf(value, `${place}.${key}`)] as const,
      );
      const { catchall } = def;
      const strict = catchall?._zod.def.type === "never";
      const rest = strict ? null : catchall ? shapeOf(catchall, `${place}.*`) : anything();
      return { ...nothing(), object: { fields: new Map(fields), rest } };
    }
    case "record":
      return {
        ...nothing(),
        object: { fields: new Map(), rest: shapeOf(def.valueType as z.ZodType, `${place}.*`) },
      };
    case "union":
      return either((def.options ?? []).map((option) => shapeOf(option, place)));
    case "nullable":
      return either([shapeOf(inner as z.ZodType, place), { ...nothing(), other: true }]);
    case "any":
    case "unknown":
      return anything();
    default:
      if (inner) return shapeOf(inner, place);
      throw new Error(`${place}: the bounds of a ${def.type} are not known`);
  }
}

function valuesShape(values: readonly unknown[]): Shape {
  const texts = values.filter((value) => typeof value === "string").map(({ length }) => length);
  const numbers = values.some((value) => typeof value === "number");
  return {
    ...nothing(),
    text: texts.length > 0 ? Math.max(100, ...texts) : null,
    number: numbers ? { min: -Infinity, max: Infinity, whole: false } : null,
    other: values.length > texts.length,
  };
}

/** What any of them takes. */
function either(shapes: readonly Shape[]): Shape {
  return shapes.reduce(
    (a, b): Shape => ({
      ...((a.free || b.free) && { free: true }),
      text: a.text === null ? b.text : Math.max(a.text, b.text ?? 0),
      number: a.number && b.number ? bothNumbers(a.number, b.number) : (a.number ?? b.number),
      other: a.other || b.other,
      array:
        a.array && b.array
          ? {
              items: either([a.array.items, b.array.items]),
              least: Math.min(a.array.least, b.array.least),
              most: Math.max(a.array.most, b.array.most),
            }
          : (a.array ?? b.array),
      object: a.object && b.object ? bothObjects(a.object, b.object) : (a.object ?? b.object),
    }),
    nothing(),
  );
}

const bothNumbers = (a: Numbers, b: Numbers): Numbers => ({
  min: Math.min(a.min, b.min),
  max: Math.max(a.max, b.max),
  whole: a.whole && b.whole,
});

function bothObjects(
  a: NonNullable<Shape["object"]>,
  b: NonNullable<Shape["object"]>,
): NonNullable<Shape["object"]> {
  const fields = new Map(a.fields);
  for (const [key, shape] of b.fields) {
    const known = fields.get(key);
    fields.set(key, known ? either([known, shape]) : shape);
  }
  return { fields, rest: a.rest && b.rest ? either([a.rest, b.rest]) : (a.rest ?? b.rest) };
}

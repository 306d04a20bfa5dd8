import type { ImportChoices } from "../../state/uploads.ts";

type Name = keyof ImportChoices;

/** What can be chosen: the query's name, what it asks, and its answers; the first is the API's own choice. */
const questions: readonly [name: Name, title: string, answers: readonly [value: string, text: string][]][] = [
  [
    "masks",
    "Values in mask files are",
    [
      ["", "whatever they look like"],
      ["binary", "one object"],
      ["instances", "an object each"],
      ["classes", "a class each"],
    ],
  ],
  [
    "split_parts",
    "Separate parts of one mask are",
    [
      ["", "one object"],
      ["true", "an object each"],
    ],
  ],
  [
    "annotators",
    "Where several annotated, what counts is",
    [
      ["", "who changed it last"],
      ["first", "who was first"],
      ["consensus", "what most of them drew"],
    ],
  ],
  [
    "respect_splits",
    "Its own train, val and test parts are",
    [
      ["", "kept where there is a test part"],
      ["true", "kept"],
      ["false", "mixed"],
    ],
  ],
  [
    "max_skipped_share",
    "At fault may be",
    [
      ["", "a tenth, or ten entries"],
      ["0", "nothing"],
      ["0.3", "three tenths"],
      ["1", "anything"],
    ],
  ],
];

/** How a zip is to be read, where it leaves that open. */
export const ImportOptions = ({
  choices,
  onChange,
}: {
  choices: ImportChoices;
  onChange: (choices: ImportChoices) => void;
}) => (
  <details>
    <summary>Read it in another way</summary>
    <div class="import-options">
      {questions.map(([name, title, answers]) => (
        <label key={name} class="field">
          <span>{title}</span>
          <select
            class="input"
            value={choices[name] ?? ""}
            onChange={({ currentTarget: { value } }) => {
              const { [name]: _, ...others } = choices;
              onChange(value === "" ? others : { ...others, [name]: value });
            }}
          >
            {answers.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
      ))}
    </div>
  </details>
);

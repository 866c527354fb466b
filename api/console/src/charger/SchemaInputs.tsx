/** The inputs that a JSON schema describes, in our looks; the server judges what is filled in. */

// Its index imports a validator that is for its own tests.
import Form from "@rjsf/core/lib/components/Form.js";
import type { RJSFSchema, UiSchema, ValidatorType } from "@rjsf/utils";
import type { Problem } from "../lib/client";
import type { Schema } from "./schema";
import { fields, templates, widgets } from "./schemaParts";

export interface SchemaInputsProps {
  /** As `tidied` makes it. */
  schema: Schema;
  value: unknown;
  problem: Problem | null;
  change: (value: unknown) => void;
}

export function SchemaInputs({ schema, value, problem, change }: SchemaInputsProps) {
  if (Object.keys(schema.properties ?? {}).length === 0) {
    return <p>This command has nothing to fill in.</p>;
  }
  return (
    <div className="schema">
      <Form<unknown, RJSFSchema, { problem: Problem | null }>
        // It stands within a form of ours, which sends.
        tagName="div"
        schema={schema as RJSFSchema}
        uiSchema={UI}
        validator={nobody}
        formData={value}
        formContext={{ problem }}
        fields={fields}
        templates={templates}
        widgets={widgets}
        noHtml5Validate
        showErrorList={false}
        experimental_defaultFormStateBehavior={{
          arrayMinItems: { populate: "requiredOnly" },
          emptyObjectFields: "populateRequiredDefaults",
        }}
        onChange={({ formData }) => change(formData)}
      />
    </div>
  );
}

const UI: UiSchema<unknown, RJSFSchema, { problem: Problem | null }> = {
  "ui:submitButtonOptions": { norender: true },
};

/** Checks nothing: the server does, and whatever compiles schemas here would need eval. */
const nobody: ValidatorType<unknown, RJSFSchema, { problem: Problem | null }> = {
  validateFormData: () => ({ errors: [], errorSchema: {} }),
  isValid: () => true,
  rawValidation: () => ({}),
};

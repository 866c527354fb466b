/** How the fields of a generated form look: labels, descriptions and faults as everywhere here. */

import type {
  ArrayFieldItemTemplateProps,
  ArrayFieldTemplateProps,
  BaseInputTemplateProps,
  FieldProps,
  FieldTemplateProps,
  ObjectFieldTemplateProps,
  RJSFSchema,
  TemplatesType,
  WidgetProps,
} from "@rjsf/utils";
import { Fragment } from "react";
import type { Problem } from "../lib/client";
import { fieldError } from "../lib/fields";
import { labelOf, plain } from "./schema";

interface Context {
  problem: Problem | null;
}

type Of<Props> = Props & { registry: { formContext: Context } };

/** Return the dotted name that the server has for a place: "evse.id". */
function dotted(path: readonly (string | number)[]): string {
  return path.join(".");
}

/** A value by itself; objects and lists have heads of their own. */
function FieldTemplate(props: FieldTemplateProps<unknown, RJSFSchema, Context>) {
  const { id, label, required, rawDescription, hidden, children, schema, fieldPathId } = props;
  if (hidden) return null;
  if (schema.type === "object" || schema.type === "array") return children;
  const path = fieldPathId.path;
  const named = typeof path.at(-1) === "number" ? `${label || "Item"}` : labelOf(label);
  const error = fieldError(props.registry.formContext.problem, dotted(path));
  const tick = schema.type === "boolean";
  return (
    <div className={tick ? "field tick" : "field"}>
      {tick && children}
      <label htmlFor={id}>
        {named}
        {required && <span className="quiet"> (needed)</span>}
      </label>
      {!tick && children}
      {rawDescription && <Description id={`${id}__description`} text={rawDescription} />}
      {error && (
        <p id={`${id}__error`} className="wrong">
          {error}
        </p>
      )}
    </div>
  );
}

function ObjectFieldTemplate(props: ObjectFieldTemplateProps<unknown, RJSFSchema, Context>) {
  const { title, schema, properties, fieldPathId, registry, required } = props;
  const inside = properties.map(({ name, content }) => <Fragment key={name}>{content}</Fragment>);
  if (fieldPathId.path.length === 0) return <div className="schema-object">{inside}</div>;
  return (
    <fieldset className="schema-object">
      <legend>
        {labelOf(title)}
        {required && <span className="quiet"> (needed)</span>}
      </legend>
      {schema.description && <Description text={schema.description} />}
      <Fault problem={registry.formContext.problem} path={fieldPathId.path} />
      {inside}
    </fieldset>
  );
}

/** What a value means; what is long is folded. */
function Description({ id, text }: { id?: string; text: string }) {
  const { begin, rest } = plain(text);
  return (
    <div className="quiet hint">
      <p id={id}>{begin}</p>
      {rest && (
        <details>
          <summary>More</summary>
          {rest}
        </details>
      )}
    </div>
  );
}

/** What is wrong with an object or a list as a whole. */
function Fault({ problem, path }: { problem: Problem | null; path: readonly (string | number)[] }) {
  // Only what is told of this very place: what is inside says it itself.
  const told = problem?.fields[dotted(path)];
  return Array.isArray(told) ? <p className="wrong">{told.join(" ")}</p> : null;
}

function ArrayFieldTemplate(props: ArrayFieldTemplateProps<unknown, RJSFSchema, Context>) {
  const { title, items, canAdd, onAddClick, fieldPathId, registry, required, schema } = props;
  const name = labelOf(title);
  return (
    <fieldset className="schema-list">
      <legend>
        {name}
        {required && <span className="quiet"> (needed)</span>}
      </legend>
      {schema.description && <Description text={schema.description} />}
      <Fault problem={registry.formContext.problem} path={fieldPathId.path} />
      {items}
      {canAdd && (
        <button type="button" onClick={onAddClick}>
          Add to {name.toLowerCase()}
        </button>
      )}
    </fieldset>
  );
}

function ArrayFieldItemTemplate(props: ArrayFieldItemTemplateProps<unknown, RJSFSchema, Context>) {
  const { children, buttonsProps, index } = props;
  return (
    <div className="schema-item">
      <div>{children}</div>
      {buttonsProps.hasRemove && (
        <button
          type="button"
          aria-label={`Remove item ${index + 1}`}
          onClick={buttonsProps.onRemoveItem}
        >
          Remove
        </button>
      )}
    </div>
  );
}

type Widget = WidgetProps<unknown, RJSFSchema, Context>;

/** Tie an input to the texts around it. */
function described({ id, schema, registry, name }: Of<Widget>) {
  const path = id.replace(/^root_?/, "").split("_");
  const wrong = fieldError(registry.formContext.problem, path.join(".")) !== null;
  const texts = [schema.description ? `${id}__description` : "", wrong ? `${id}__error` : ""];
  const ids = texts.filter(Boolean).join(" ");
  return {
    name: name || id,
    ...(ids ? { "aria-describedby": ids } : {}),
    ...(wrong ? { "aria-invalid": true as const } : {}),
  };
}

function BaseInputTemplate(props: BaseInputTemplateProps<unknown, RJSFSchema, Context>) {
  const { id, value, type, schema, onChange, onChangeOverride, disabled } = props;
  const isNumber = schema.type === "number" || schema.type === "integer";
  // What may be negative needs a sign, which phones have on the whole keyboard only.
  const mode = isNumber && (schema.minimum ?? -1) >= 0 ? "decimal" : undefined;
  return (
    <input
      id={id}
      {...described(props)}
      // Of the type "number" it would hold, and write, another number than was typed.
      type={isNumber ? "text" : type}
      inputMode={mode}
      autoComplete="off"
      disabled={disabled}
      value={typeof value === "number" || typeof value === "string" ? value : ""}
      onChange={
        onChangeOverride ??
        (({ target }) => onChange(target.value === "" ? undefined : target.value))
      }
    />
  );
}

function SelectWidget(props: Widget) {
  const { id, value, options, onChange, disabled } = props;
  const choices = options.enumOptions ?? [];
  return (
    <select
      id={id}
      {...described(props)}
      disabled={disabled}
      value={String(value ?? "")}
      onChange={({ target }) =>
        onChange(choices.find((one) => String(one.value) === target.value)?.value)
      }
    >
      <option value="">not given</option>
      {choices.map((one) => (
        <option key={String(one.value)} value={String(one.value)}>
          {one.label}
        </option>
      ))}
    </select>
  );
}

function CheckboxWidget(props: Widget) {
  const { id, value, onChange, disabled } = props;
  return (
    <input
      id={id}
      {...described(props)}
      type="checkbox"
      disabled={disabled}
      checked={value === true}
      onChange={({ target }) => onChange(target.checked || undefined)}
    />
  );
}

export const templates: Partial<TemplatesType<unknown, RJSFSchema, Context>> = {
  FieldTemplate,
  ObjectFieldTemplate,
  ArrayFieldTemplate,
  ArrayFieldItemTemplate,
  BaseInputTemplate,
};

/** A number is held as the text that was typed: as a number it would lose digits. */
function NumberField(props: FieldProps<unknown, RJSFSchema, Context>) {
  const { StringField } = props.registry.fields;
  return StringField ? <StringField {...props} /> : null;
}

export const fields = { NumberField };

export const widgets = { SelectWidget, CheckboxWidget };

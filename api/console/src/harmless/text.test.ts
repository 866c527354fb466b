import { expect, test } from "vitest";
import { shown } from "./props";
import { harmless, visible } from "./text";

test("what is not seen is named", () => {
  expect(visible("CP-1\u202e1-PC\u0000 \u{e0041}")).toBe("CP-1[U+202E]1-PC[U+0000] [U+E0041]");
  expect(visible("a\u200db \u200c")).toBe("a[U+200D]b [U+200C]");
});

test.each(["Hafen Süd, 3 × 22 kW", "two\n\tlines", "👩‍💻", "می‌خواهم", "充電所"])(
  "what is seen stays as it is: %s",
  (text) => {
    expect(visible(text)).toBe(text);
  },
);

test("what is read from the right draws nothing along with it", () => {
  expect(harmless("נמל 5")).toBe("\u2068נמל 5\u2069");
  expect(harmless("port 5")).toBe("port 5");
});

test("texts of an element are made harmless, and what a part of others hands on", () => {
  const props = { title: "a\u202eb נ", href: "a\u202eb", children: ["\u202e", 5, ["\u202e"]] };
  const children = ["[U+202E]", 5, ["[U+202E]"]];
  expect(shown("a", props)).toEqual({
    title: "\u2068a[U+202E]b נ\u2069",
    href: "a\u202eb",
    children,
  });
  const Part = () => null;
  const handedOn = shown(Part, props);
  expect(handedOn).toEqual({ title: "a[U+202E]b נ", href: "a\u202eb", children });
  expect(shown(Part, handedOn)).toBe(handedOn);
  expect(shown("option", { children: "נמל" })).toEqual({ children: "\u2068נמל\u2069" });
  expect(shown("p", { children: ["Delete ", "נמל", "?"] })).toMatchObject({
    children: ["Delete ", { type: "bdi", props: { children: "נמל" } }, "?"],
  });
});

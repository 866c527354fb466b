import { expect, it } from "vitest";
import { bodyOf, draftOf, NEW } from "./draft";

const GIVEN = {
  bucket: "b",
  region: "r",
  prefix: "",
  flush_seconds: "5",
  hash_id_tags: "yes",
  access_key_id: "A",
  secret_access_key: "S",
  account_key: "of another type",
};

it("a new one is made of what its type wants, with numbers as numbers", () => {
  expect(bodyOf({ ...NEW, name: "lake", given: GIVEN }, false)).toEqual({
    name: "lake",
    type: "aws_s3",
    configuration: { bucket: "b", region: "r", flush_seconds: 5, hash_id_tags: true },
    credentials: { access_key_id: "A", secret_access_key: "S" },
  });
});

it("one that exists keeps its credentials where none are given", () => {
  const draft = draftOf({
    id: "1",
    name: "lake",
    type: "azure_storage",
    enabled: true,
    configuration: { storage_account: "a", container: "c", hash_id_tags: false },
    inserted_at: "",
    updated_at: "",
  });
  expect(bodyOf(draft, true)).toEqual({
    name: "lake",
    configuration: { storage_account: "a", container: "c" },
  });
});

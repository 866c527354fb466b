/** A data connector, as the API tells it, and what each type of it is made with. */

export type Kind = "aws_s3" | "digital_ocean_spaces" | "gcp_storage" | "azure_storage";

export interface Connector {
  id: string;
  name: string;
  type: Kind;
  enabled: boolean;
  configuration: Record<string, unknown>;
  inserted_at: string;
  updated_at: string;
}

export interface Connectors {
  connectors: Connector[];
  next_cursor: string | null;
}

export interface ConnectorStatus {
  state: "running" | "disabled" | "error";
  last_delivered_seq: number | null;
  last_delivered_at: string | null;
  lag_records: number;
  lag_seconds: number;
  last_error: string | null;
  last_error_at: string | null;
  objects_written: number;
  records_written: number;
  bytes_written: number;
}

export const KINDS: Record<Kind, string> = {
  aws_s3: "AWS S3, and what speaks its protocol",
  digital_ocean_spaces: "DigitalOcean Spaces",
  gcp_storage: "Google Cloud Storage",
  azure_storage: "Azure Blob Storage",
};

export interface Wanted {
  name: string;
  label: string;
  hint?: string;
  required?: boolean;
  input?: "text" | "number" | "password" | "tick" | "start" | "file";
}

const BUCKET: Wanted = { name: "bucket", label: "Bucket", required: true };
const KEY_PAIR: readonly Wanted[] = [
  { name: "access_key_id", label: "Access key id", required: true },
  { name: "secret_access_key", label: "Secret access key", required: true, input: "password" },
];

/** What leads to the store, by type. */
export const PLACES: Record<Kind, readonly Wanted[]> = {
  aws_s3: [BUCKET, { name: "region", label: "Region", hint: "eu-central-1", required: true }],
  digital_ocean_spaces: [BUCKET, { name: "region", label: "Region", hint: "fra1", required: true }],
  gcp_storage: [BUCKET],
  azure_storage: [
    { name: "storage_account", label: "Storage account", required: true },
    { name: "container", label: "Container", required: true },
  ],
};

/** What lets one in, by type; it is never shown again. */
export const CREDENTIALS: Record<Kind, readonly Wanted[]> = {
  aws_s3: KEY_PAIR,
  digital_ocean_spaces: KEY_PAIR,
  gcp_storage: [
    {
      name: "service_account_json",
      label: "Service account",
      hint: "The JSON key file, as text.",
      required: true,
      input: "file",
    },
  ],
  azure_storage: [{ name: "account_key", label: "Account key", required: true, input: "password" }],
};

/** What every type may be told. */
export const OPTIONS: readonly Wanted[] = [
  { name: "prefix", label: "Prefix", hint: "What every object's name begins with." },
  {
    name: "endpoint_url",
    label: "Endpoint URL",
    hint: "Where the store is, if it is not the provider's own.",
  },
  {
    name: "flush_seconds",
    label: "Seconds until an object is written",
    hint: "60 by default.",
    input: "number",
  },
  {
    name: "flush_bytes",
    label: "Bytes until an object is written",
    hint: "8,388,608 by default, before it is compressed.",
    input: "number",
  },
  { name: "start", label: "Begins with", input: "start" },
  {
    name: "hash_id_tags",
    label: "Write a hash in place of each id token",
    input: "tick",
  },
];

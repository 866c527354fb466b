"""The curl lines for data connectors of the public documentation that this API follows, pasted."""

from __future__ import annotations

from collections.abc import Mapping

LIST = """
curl -X GET \\
"https://ocpp.voltra.sh/api/orgs/<YOUR_ORG_UUID>/connectors" \\
-H "Authorization: Bearer <YOUR_API_KEY>"
"""

GET = """
curl -X GET \\
"https://ocpp.voltra.sh/api/orgs/<YOUR_ORG_UUID>/connectors/<CONNECTOR_ID>" \\
-H "Authorization: Bearer <YOUR_API_KEY>"
"""

AWS_S3 = """
curl -X POST \\
"https://ocpp.voltra.sh/api/orgs/<YOUR_ORG_UUID>/connectors" \\
-H "Authorization: Bearer <YOUR_API_KEY>" \\
-H "Content-Type: application/json" \\
-d '{
"name": "my-aws-s3-connector",
"type": "aws_s3",
"configuration": {
"bucket": "your-s3-bucket-name",
"region": "us-east-1"
},
"credentials": {
"access_key_id": "YOUR_AWS_ACCESS_KEY_ID",
"secret_access_key": "YOUR_AWS_SECRET_ACCESS_KEY"
}
}'
"""

SPACES = """
curl -X POST \\
"https://ocpp.voltra.sh/api/orgs/<YOUR_ORG_UUID>/connectors" \\
-H "Authorization: Bearer <YOUR_API_KEY>" \\
-H "Content-Type: application/json" \\
-d '{
"name": "my-do-spaces-connector",
"type": "digital_ocean_spaces",
"configuration": {
"bucket": "your-spaces-name",
"region": "nyc3"
},
"credentials": {
"access_key_id": "YOUR_SPACES_ACCESS_KEY",
"secret_access_key": "YOUR_SPACES_SECRET_KEY"
}
}'
"""

GOOGLE = """
# On macOS/Linux, prepare the service account JSON by reading it from a file and removing newlines

SA_JSON=$(cat /path/to/your/service-account.json | tr -d '\\n')

curl -X POST \\
"https://ocpp.voltra.sh/api/orgs/<YOUR_ORG_UUID>/connectors" \\
-H "Authorization: Bearer <YOUR_API_KEY>" \\
-H "Content-Type: application/json" \\
-d "{
\\"name\\": \\"my-gcp-storage-connector\\",
\\"type\\": \\"gcp_storage\\",
\\"configuration\\": {
\\"bucket\\": \\"your-gcs-bucket-name\\"
},
\\"credentials\\": {
\\"service_account_json\\": \\"${SA_JSON}\\"
}
}"
"""

AZURE = """
curl -X POST \\
"https://ocpp.voltra.sh/api/orgs/<YOUR_ORG_UUID>/connectors" \\
-H "Authorization: Bearer <YOUR_API_KEY>" \\
-H "Content-Type: application/json" \\
-d '{
"name": "my-azure-storage-connector",
"type": "azure_storage",
"configuration": {
"storage_account": "your_azure_storage_account_name",
"container": "your_blob_container_name"
},
"credentials": {
"account_key": "YOUR_AZURE_STORAGE_ACCOUNT_KEY"
}
}'
"""

CREATE: Mapping[str, str] = {
    "aws_s3": AWS_S3,
    "digital_ocean_spaces": SPACES,
    "gcp_storage": GOOGLE,
    "azure_storage": AZURE,
}

UPDATE = """
curl -X PUT \\
"https://ocpp.voltra.sh/api/orgs/<YOUR_ORG_UUID>/connectors/<CONNECTOR_ID>" \\
-H "Authorization: Bearer <YOUR_API_KEY>" \\
-H "Content-Type: application/json" \\
-d '{
"name": "my-prod-s3-backup-disabled",
"enabled": false
}'
"""

DELETE = """
curl -X DELETE \\
"https://ocpp.voltra.sh/api/orgs/<YOUR_ORG_UUID>/connectors/<CONNECTOR_ID>" \\
-H "Authorization: Bearer <YOUR_API_KEY>"
"""

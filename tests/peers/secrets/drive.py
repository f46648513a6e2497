# SPDX-License-Identifier: Apache-2.0
"""Drive the stand-ins by python3-hvac and python3-boto3, as Debian has them.

usage: drive.py VAULT-URL ROOT ROLE-ID SECRET-ID JWT AWS-URL KEY-ID KEY IDENTITY ECS-TOKEN

Prints a line for each thing that went as these clients expect; ends with 1 at the first
that does not.
"""

import os
import sys
import tempfile

import boto3
import botocore.config
import botocore.exceptions
import hvac

VAULT, ROOT, ROLE_ID, SECRET_ID, JWT, AWS, KEY_ID, KEY, IDENTITY, ECS_TOKEN = sys.argv[1:]
REGION = "eu-central-1"
ROLE = "arn:aws:iam::000000000000:role/relay"


def raises(kind, call):
	try:
		call()
	except kind:
		return
	raise AssertionError(f"{kind} was not raised")


def vault_kv():
	root = hvac.Client(VAULT, token=ROOT)
	kv = root.secrets.kv.v2
	assert root.is_authenticated() and root.sys.read_health_status(method="GET")["sealed"] is False
	assert kv.create_or_update_secret("peer/kv", {"a": "1"})["data"]["version"] == 1
	assert kv.create_or_update_secret("peer/kv", {"a": "é \"2\""})["data"]["version"] == 2
	now = kv.read_secret_version("peer/kv")["data"]
	assert now["data"] == {"a": "é \"2\""} and now["metadata"]["version"] == 2
	assert kv.read_secret_version("peer/kv", version=1)["data"]["data"] == {"a": "1"}
	raises(hvac.exceptions.InvalidPath, lambda: kv.read_secret_version("peer/none"))
	kv.destroy_secret_versions("peer/kv", [2])
	raises(hvac.exceptions.InvalidPath, lambda: kv.read_secret_version("peer/kv"))


def vault_approle():
	client = hvac.Client(VAULT)
	auth = client.auth.approle.login(ROLE_ID, SECRET_ID)["auth"]
	assert auth["renewable"] and auth["lease_duration"] > 0 and client.token == auth["client_token"]
	assert client.lookup_token()["data"]["ttl"] > 0
	assert client.auth.token.renew_self()["auth"]["client_token"] == client.token
	raises(hvac.exceptions.InvalidRequest, lambda: hvac.Client(VAULT).auth.approle.login(ROLE_ID, "no"))
	client.auth.token.revoke_self()
	raises(hvac.exceptions.Forbidden, client.lookup_token)


def vault_jwt():
	client = hvac.Client(VAULT)
	client.token = client.auth.jwt.jwt_login("stagewire", JWT)["auth"]["client_token"]
	assert client.is_authenticated()


def vault_wrapping():
	root = hvac.Client(VAULT, token=ROOT)
	wrapped = root.write("auth/approle/role/relay/secret-id", wrap_ttl="60s")["wrap_info"]["token"]
	client = hvac.Client(VAULT)
	secret_id = client.sys.unwrap(wrapped)["data"]["secret_id"]
	assert client.auth.approle.login(ROLE_ID, secret_id)["auth"]["client_token"]
	raises(hvac.exceptions.InvalidRequest, lambda: hvac.Client(VAULT).sys.unwrap(wrapped))


def manager(**more):
	once = botocore.config.Config(retries={"max_attempts": 1})
	return boto3.session.Session().client("secretsmanager", region_name=REGION, endpoint_url=AWS,
		config=once, **more)


def aws_stages():
	client = manager(aws_access_key_id=KEY_ID, aws_secret_access_key=KEY)
	now = client.get_secret_value(SecretId="peer/key")
	before = client.get_secret_value(SecretId="peer/key", VersionStage="AWSPREVIOUS")
	assert now["SecretString"] == "new" and "AWSCURRENT" in now["VersionStages"]
	assert before["SecretString"] == "old" and before["VersionId"] != now["VersionId"]
	assert now["CreatedDate"].timestamp() > 0
	raises(client.exceptions.ResourceNotFoundException,
		lambda: client.get_secret_value(SecretId="peer/none"))


def aws_signature():
	client = manager(aws_access_key_id=KEY_ID, aws_secret_access_key="wrong")
	raises(botocore.exceptions.ClientError, lambda: client.get_secret_value(SecretId="peer/key"))


def fetch():
	assert manager().get_secret_value(SecretId="peer/key")["SecretString"] == "new"


def aws_web_identity():
	with tempfile.NamedTemporaryFile("w") as f:
		f.write(IDENTITY)
		f.flush()
		with environ(AWS_WEB_IDENTITY_TOKEN_FILE=f.name, AWS_ROLE_ARN=ROLE,
				AWS_ROLE_SESSION_NAME="peer"):
			# boto3 of Debian 12 knows no variable for the address of STS.
			sts = boto3.client("sts", region_name=REGION, endpoint_url=AWS)
			got = sts.assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName="peer",
				WebIdentityToken=IDENTITY)["Credentials"]
	client = manager(aws_access_key_id=got["AccessKeyId"],
		aws_secret_access_key=got["SecretAccessKey"], aws_session_token=got["SessionToken"])
	assert client.get_secret_value(SecretId="peer/key")["SecretString"] == "new"


def aws_ecs():
	with environ(AWS_CONTAINER_CREDENTIALS_FULL_URI=AWS + "/ecs/creds",
			AWS_CONTAINER_AUTHORIZATION_TOKEN=ECS_TOKEN):
		fetch()


def aws_imds():
	with environ(AWS_EC2_METADATA_SERVICE_ENDPOINT=AWS):
		fetch()


class environ:
	"""These variables, and nothing else of AWS's."""

	def __init__(self, **variables):
		self.variables = variables

	def __enter__(self):
		os.environ.update(self.variables)

	def __exit__(self, *_):
		for name in self.variables:
			del os.environ[name]


for check in (vault_kv, vault_approle, vault_jwt, vault_wrapping, aws_stages, aws_signature,
		aws_web_identity, aws_ecs, aws_imds):
	check()
	print(check.__name__, flush=True)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stand-ins of Vault and of AWS answer their vendors' own clients as these expect.

That is what the tests of the daemon against them are worth: neither product is here.
"""

import os
import shutil
import subprocess
import sys

TOP = os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(os.path.dirname(
	os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "system"))
sys.path.insert(0, os.path.join(TOP, "tests", "tools"))
import harness  # noqa: E402
from aws_standin import AwsStandin  # noqa: E402
from harness import Skip  # noqa: E402
from vault_standin import VaultStandin  # noqa: E402

HERE = os.path.join(TOP, "tests", "peers", "secrets")
MODULES = os.path.join(os.environ.get("top_builddir", TOP), "tests", "peers", "secret-modules")


def python_with_clients():
	"""Debian's python3, where its packages are, or this one."""
	for python in ("/usr/bin/python3", sys.executable):
		done = subprocess.run([python, "-c", "import boto3, hvac"], capture_output=True, check=False)
		if done.returncode == 0:
			return python
	raise Skip("python3-hvac and python3-boto3 are not installed")


def install():
	"""Install npm's clients once, or skip."""
	for program in ("node", "npm"):
		if shutil.which(program) is None:
			raise Skip(f"{program} is not installed")
	os.makedirs(MODULES, exist_ok=True)
	for name in ("package.json", "package-lock.json"):
		shutil.copy(os.path.join(HERE, name), MODULES)
	done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=MODULES,
		capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600, check=False)
	assert done.returncode == 0, done.stderr


def standins(box):
	vault, aws = VaultStandin(), AwsStandin()
	box.sinks += [vault, aws]
	aws.put("peer/key", "old")
	aws.put("peer/key", "new")
	return vault, aws


def drive(*command):
	"""Run a client, and return the lines that say what went well."""
	# What the host knows of AWS or Vault is not for these clients.
	env = {name: value for name, value in os.environ.items()
		if not name.startswith(("AWS_", "VAULT_"))}
	env.update({"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
		"NO_PROXY": "127.0.0.1"})
	done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env, check=False)
	assert done.returncode == 0, done.stdout + done.stderr
	return done.stdout.split()


def test_hvac_and_boto3_take_the_standins_for_the_real_ones(box):
	python = python_with_clients()
	vault, aws = standins(box)
	identity = "eyJhbGciOiJSUzI1NiJ9." + os.urandom(64).hex()
	aws.identities[identity] = "arn:aws:iam::000000000000:role/relay"
	went = drive(python, os.path.join(HERE, "drive.py"), vault.url, vault.root.text, vault.role_id,
		vault.secret_id, vault.jwt, aws.url, aws.key_id, aws.key, identity, aws.ecs_token)
	assert len(went) == 9, went


def test_node_vault_and_the_aws_sdk_take_the_standins_for_the_real_ones(box):
	install()
	vault, aws = standins(box)
	went = drive("node", os.path.join(HERE, "drive.js"), os.path.abspath(MODULES), vault.url,
		vault.root.text, vault.role_id, vault.secret_id, aws.url, aws.key_id, aws.key)
	assert went == ["node-vault", "client-secrets-manager"], went


if __name__ == "__main__":
	harness.main(globals())

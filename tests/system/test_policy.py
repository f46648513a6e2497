#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The policy against another program's reading of the manual, and its explanation.

decide_here() is written after stagewire.yaml(5), not after the source.
"""

import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
from harness import TOP_BUILD, TOP_SRC  # noqa: E402

SETS = 2000
QUESTIONS = 50  # of each set of rules

ACTIONS = ["build.trigger", "build.restart", "build.cancel", "build.read"]
GROUPS = [f"group:default/g{i}" for i in range(6)]
USERS = [f"user:default/u{i}" for i in range(5)] + ["user:other/u0"]
AGENTS = ["agent:release-bot", "agent:other"]
KINDS, SPACES, NAMES = ["component", "api"], ["default", "prod"], ["a", "ab", "b"]
LIFECYCLES, TAGS = ["production", "experimental", "-"], ["java", "deploys", "x"]
BRANCHES = ["main", "release/1", "release/2", "dev"]


def some(rng, values, most=3):
	return rng.sample(values, rng.randint(1, min(most, len(values))))


def maybe(rng, values, chance=0.25):
	return some(rng, values) if rng.random() < chance else None


def make_catalog(rng):
	"""Users, groups that may be in circles, and things that they own."""
	catalog = {}
	for ref in GROUPS + USERS:
		catalog[ref] = {"parents": rng.sample(GROUPS, rng.randint(0, 2)), "owners": [],
			"lifecycle": "-", "tags": []}
	for kind in KINDS:
		for space in SPACES:
			for name in NAMES:
				catalog[f"{kind}:{space}/{name}"] = {"parents": [],
					"owners": rng.sample(GROUPS + USERS + ["group:default/nobody"], rng.randint(0, 2)),
					"lifecycle": rng.choice(LIFECYCLES), "tags": rng.sample(TAGS, rng.randint(0, 2))}
	return catalog


def make_rule(rng, number):
	return {"name": f"r{number}", "effect": "deny" if rng.random() < 0.3 else "allow",
		"actions": some(rng, ACTIONS + ["build.*", "build.re*"]), "owner": rng.random() < 0.4,
		"groups": maybe(rng, GROUPS),
		"principals": maybe(rng, USERS + AGENTS + ["user:*", "agent:*", "user:default/*"]),
		"kinds": maybe(rng, KINDS), "spaces": maybe(rng, SPACES + ["pro*"]),
		"names": maybe(rng, NAMES + ["a*"]), "lifecycles": maybe(rng, LIFECYCLES[:2] + ["prod*"]),
		"lifecycles_not": maybe(rng, LIFECYCLES[:2]), "tags": maybe(rng, TAGS),
		"branches": maybe(rng, BRANCHES + ["release/*", "*"]), "overrides": rng.random() < 0.3,
		"token_max": rng.choice([0, 0, 0, 60000]), "behalf": rng.random() < 0.15}


def make_question(rng):
	return {"action": rng.choice(ACTIONS), "principal": rng.choice(USERS + 3 * AGENTS + GROUPS),
		"behalf": rng.choice(USERS + [None] * 3),
		"ref": f"{rng.choice(KINDS)}:{rng.choice(SPACES)}/{rng.choice(NAMES)}",
		"branch": rng.choice(BRANCHES + [None]), "overrides": rng.random() < 0.2,
		"token_age": rng.choice([-1, 0, 60000, 60001]),
		"catalog_age": rng.choice([0] * 20 + [900000, 900001, -1])}


# --- what the manual says ---


def matches(patterns, text):
	return any(text.startswith(p[:-1]) if p.endswith("*") else text == p for p in patterns)


def belongs(catalog, member, group):
	"""Directly or through others; everybody belongs to themselves."""
	reached, edge = {member}, [member]
	for _ in range(8):
		edge = [p for m in edge for p in catalog.get(m, {"parents": []})["parents"]
			if p not in reached]
		reached.update(edge)
	return group in reached


def covers(rule, q, catalog):
	entity = catalog[q["ref"]]
	kind, rest = q["ref"].split(":")
	space, name = rest.split("/")
	lifecycle = "" if entity["lifecycle"] == "-" else entity["lifecycle"]
	agent = q["principal"].startswith("agent:")
	if rule["effect"] == "deny":
		variables = not rule["overrides"] or q["overrides"]
	else:
		variables = rule["overrides"] or not q["overrides"]
	return all((
		matches(rule["actions"], q["action"]),
		not rule["owner"] or any(belongs(catalog, q["principal"], o) for o in entity["owners"]),
		not rule["groups"] or any(belongs(catalog, q["principal"], g) for g in rule["groups"]),
		not rule["principals"] or matches(rule["principals"], q["principal"]),
		not rule["kinds"] or matches(rule["kinds"], kind),
		not rule["spaces"] or matches(rule["spaces"], space),
		not rule["names"] or matches(rule["names"], name),
		not rule["lifecycles"] or matches(rule["lifecycles"], lifecycle),
		not rule["lifecycles_not"] or not matches(rule["lifecycles_not"], lifecycle),
		not rule["tags"] or any(matches(rule["tags"], t) for t in entity["tags"]),
		not rule["branches"] or (q["branch"] is not None and matches(rule["branches"], q["branch"])),
		variables,
		rule["token_max"] == 0 or 0 <= q["token_age"] <= rule["token_max"],
		not rule["behalf"] or not agent or q["behalf"] is not None,
	))


def decide_alone(rules, q, catalog):
	covering = [r for r in rules if covers(r, q, catalog)]
	for rule in covering:
		if rule["effect"] == "deny":
			return "denied", rule["name"]
	return ("allowed", covering[0]["name"]) if covering else ("no-rule", "-")


def decide_here(rules, q, catalog):
	if q["catalog_age"] < 0 or q["catalog_age"] > 900000:
		return "stale-catalog", "-"
	own = decide_alone(rules, q, catalog)
	if own[0] != "allowed" or not q["principal"].startswith("agent:") or q["behalf"] is None:
		return own
	users = decide_alone(rules, {**q, "principal": q["behalf"], "behalf": None}, catalog)
	return own if users[0] == "allowed" else ("behalf-denied", users[1])


# --- what the relay says ---


def line(*fields):
	words = ("-" if f is None else ",".join(f) or "-" if isinstance(f, list) else
		str(int(f)) if isinstance(f, (bool, int)) else f for f in fields)
	return "\t".join(words)


def tell(catalog, rules, questions):
	yield "."
	for ref, e in catalog.items():
		yield line("E", ref, e["parents"], e["owners"], e["lifecycle"], e["tags"])
	for r in rules:
		yield line("R", r["name"], r["effect"], r["actions"], r["owner"], r["groups"],
			r["principals"], r["kinds"], r["spaces"], r["names"], r["lifecycles"],
			r["lifecycles_not"], r["tags"], r["branches"], r["overrides"], r["token_max"], r["behalf"])
	for q in questions:
		yield line("Q", q["action"], q["principal"], q["behalf"], q["ref"], q["branch"],
			q["overrides"], q["token_age"], q["catalog_age"])


def test_a_hundred_thousand_decisions_are_those_of_the_manual(box):
	seed = random.randrange(1 << 32)
	rng = random.Random(seed)
	sets = []
	for _ in range(SETS):
		rules = [make_rule(rng, i) for i in range(rng.randint(0, 6))]
		sets.append((make_catalog(rng), rules, [make_question(rng) for _ in range(QUESTIONS)]))
	told = "\n".join(l for s in sets for l in tell(*s)) + "\n"
	done = subprocess.run([os.path.join(TOP_BUILD, "tests", "tools", "decide")], input=told,
		capture_output=True, check=True, encoding="utf-8")
	answers = iter(done.stdout.splitlines())
	seen = {}
	for catalog, rules, questions in sets:
		for q in questions:
			got, want = tuple(next(answers).split("\t")), decide_here(rules, q, catalog)
			assert got == want, f"seed {seed}: {got} instead of {want} for {q} by {rules}"
			seen[got[0]] = seen.get(got[0], 0) + 1
	assert next(answers, None) is None and sum(seen.values()) == SETS * QUESTIONS
	assert all(seen.get(r, 0) > 100 for r in ("allowed", "denied", "no-rule", "stale-catalog",
		"behalf-denied")), seen


def test_the_policy_is_explained_rule_by_rule(box):
	daemon = box.daemon()
	daemon.config["policy"] = [
		{"name": "owners", "effect": "allow", "action": ["build.*"],
			"subject": {"owner_of_entity": True}},
		{"name": "freeze", "effect": "deny", "action": ["build.trigger"], "branch": ["main"]},
	]
	daemon.start()
	ref = "component:default/parcel-api"

	def explain(*more):
		return daemon.ctl("policy", "explain", ref, *more)

	owner = explain("--principal", "group:default/payments", "--branch", "dev")
	assert owner["allowed"] and owner["rule"] == "owners", owner
	assert [(r["name"], r.get("unmet")) for r in owner["rules"]] == [("owners", None),
		("freeze", "branch")], owner
	frozen = explain("--principal", "group:default/payments", "--branch", "main")
	assert not frozen["allowed"] and frozen["rule"] == "freeze", frozen
	varied = explain("--principal", "group:default/payments", "--branch", "dev", "--variables")
	assert not varied["allowed"] and varied["env_override"], varied
	assert varied["rules"][0]["unmet"] == "env_override", varied
	daemon.config["policy"][0]["require"] = {"token_max_age": "5m"}
	daemon.write_config()
	daemon.reload()
	for age, allowed in (("5m", True), ("301s", False)):
		aged = explain("--principal", "group:default/payments", "--branch", "dev", "--token-age", age)
		assert aged["allowed"] == allowed, aged
	assert aged["rules"][0]["unmet"] == "require.token_max_age" and aged["token_age_s"] == 301, aged
	daemon.ctl_text("policy", "explain", ref, "--principal", "user:default/a", "--token-age", "old",
		expect=1)
	stranger = explain("--principal", "user:default/mallory", "--action", "build.read")
	assert not stranger["allowed"] and stranger["reason"] == "no-rule", stranger
	assert stranger["rules"][0]["unmet"] == "subject.owner_of_entity", stranger


# --- cases ---

EXAMPLE = os.path.join(TOP_SRC, "etc", "policy-cases.example.yaml")

# Those that its heading names.
RULES = [
	{"name": "owners", "effect": "allow", "action": ["build.*"],
		"subject": {"owner_of_entity": True}},
	{"name": "freeze", "effect": "deny", "action": ["build.trigger"], "branch": ["main"]},
]

ALICE = """\
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: alice}
spec: {memberOf: [payments]}
"""


def ruled(box, rules=None):
	daemon = box.daemon()
	daemon.config["policy"] = RULES if rules is None else rules
	daemon.write(daemon.catalog_path, harness.ENTITIES + ALICE)
	return daemon.start()


def policy_test(daemon, cases, *options):
	"""Run it on cases as text; the exit status, what is printed, and what is complained of."""
	path = os.path.join(daemon.dir, "cases.yaml")
	daemon.write(path, cases)
	done = subprocess.run([harness.STAGEWIRECTL, "--socket", daemon.socket, *options, "policy", "test",
		path], capture_output=True, text=True, timeout=harness.PATIENCE_S, check=False)
	return done.returncode, done.stdout.replace(path, "FILE"), done.stderr.replace(path, "FILE")


def test_the_cases_of_the_example_come_out_as_they_say(box):
	daemon = ruled(box)
	assert daemon.ctl_text("policy", "test", EXAMPLE) == "6 cases, 0 not as expected\n"
	assert daemon.ctl("policy", "test", EXAMPLE)[0]["passed"]
	assert not [e for e in daemon.ctl("audit") if e["action"].startswith("build.")]


def test_cases_tell_a_change_of_the_rules(box):
	daemon = ruled(box)
	with open(EXAMPLE, encoding="utf-8") as f:
		cases = f.read()
	line = {name: 1 + cases[:cases.index("- name: " + name)].count("\n") for name in
		("owners build", "nobody builds", "no rule allows", "others do")}
	daemon.config["policy"] = [{**RULES[0], "name": "people", "env_override": True}]
	daemon.write_config()
	daemon.reload()
	code, out, err = policy_test(daemon, cases)
	assert code == 1 and err == "", (code, err)
	assert out == f"""\
FILE:{line["owners build"]}: owners build their branches: expected allow by rule owners, got allow by rule people
FILE:{line["nobody builds"]}: nobody builds main: expected deny by rule freeze, got allow by rule people
FILE:{line["no rule allows"]}: no rule allows variables: expected deny, got allow by rule people
6 cases, 3 not as expected
""", out
	daemon.config["policy"] = []
	daemon.write_config()
	daemon.reload()
	code, out, _ = policy_test(daemon, cases)
	assert code == 1 and "main may be restarted: expected allow, got deny, no-rule" in out, out


def test_cases_as_json_have_the_same_exit_status(box):
	daemon = ruled(box)
	case = "- {principal: 'user:default/alice', entity: %s, expect: %s}\n"
	code, out, _ = policy_test(daemon, case % ("parcel-api", "allow"), "--json")
	answer = json.loads(out)
	assert code == 0 and answer["failed"] == 0, answer
	assert answer["items"][0]["entity"] == "component:default/parcel-api", answer
	code, out, _ = policy_test(daemon, case % ("parcel-api", "allow") + case % ("parcel-api", "deny"),
		"--json")
	answer = json.loads(out)
	assert code == 1 and answer["cases"] == 2 and answer["failed"] == 1, answer
	assert [i["passed"] for i in answer["items"]] == [True, False], answer
	for expect in ("allow", "deny"):
		code, out, _ = policy_test(daemon, case % ("unknown", expect), "--json")
		assert code == 1 and json.loads(out)["items"][0]["reason"] == "entity-unknown", out


def test_an_agent_is_judged_with_the_user_it_asks_for(box):
	agents = {"name": "bots", "effect": "allow", "action": ["build.*"],
		"subject": {"principal": ["agent:*"]}, "require": {"on_behalf_of": True, "token_max_age": "10m"}}
	daemon = ruled(box, [RULES[0], agents])
	case = "- {principal: 'agent:bot', entity: parcel-api, token_age: %s, expect: %s, rule: %s%s}\n"
	code, out, err = policy_test(daemon,
		case % ("10m", "allow", "bots", ", on_behalf_of: alice") +
		"- {principal: 'agent:bot', entity: parcel-api, expect: deny}\n"
		"- {principal: 'agent:bot', entity: parcel-api, token_age: 601s, expect: deny, on_behalf_of: alice}\n"
		"- {principal: 'agent:bot', entity: parcel-api, expect: deny, on_behalf_of: mallory}\n")
	assert (code, out, err) == (0, "4 cases, 0 not as expected\n", ""), (code, out, err)


def test_a_file_of_cases_that_makes_no_sense_is_wrong_usage(box):
	daemon = ruled(box)
	good = "principal: user:default/alice, entity: parcel-api, expect: allow"
	for text, complaint in (
			("", "FILE:1:1: there are no cases"),
			("# none", "FILE:1:1: expected a list of cases, each of which begins with '- '"),
			("[]", "FILE:1:1: expected a list of cases"),
			("a: 1", "FILE:1:1: expected a list of cases"),
			("- x", "FILE:1:3: a case must be a mapping"),
			("- {%s}\n- {%s, brnach: main}" % (good, good), "FILE:2:70: unknown key 'brnach'; did you mean "
				"'branch'?"),
			("- {%s}\n- {entity: a, expect: deny}" % good, "FILE:2:3: this case needs 'principal'"),
			("- {principal: user:default/alice, expect: deny}", "FILE:1:3: this case needs 'entity'"),
			("- {%s, expect: allow}" % good, "FILE:1:70: the key 'expect' is on line 1"),
			("- {principal: user:default/alice, entity: a, expect: permit}", "expect must be allow or deny"),
			("- {principal: 'user:*', entity: a, expect: deny}", "principal must be a user"),
			("- {%s, action: build.delete}" % good, "action must be build.trigger"),
			("- {%s, on_behalf_of: group:default/x}" % good, "on_behalf_of must be a user"),
			("- {%s, token_age: young}" % good, "token_age must be a duration"),
			("- {%s, env_override: 1}" % good, "env_override must be true or false"),
			("- {%s\n" % good, "FILE:2:1: "),
			("- {%s}\n---\n- {%s}" % (good, good), "FILE:3:1: a second document")):
		code, out, err = policy_test(daemon, text)
		assert code == 2 and out == "" and err.count("\n") == 1, (text, code, out, err)
		assert complaint in err, (text, err)
	done = subprocess.run([harness.STAGEWIRECTL, "--socket", daemon.socket, "policy", "test",
		"/nonexistent"], capture_output=True, text=True, check=False)
	assert done.returncode == 2 and "cannot read /nonexistent" in done.stderr, done


def test_cases_need_a_catalog_to_be_decided_by(box):
	daemon = ruled(box)
	daemon.config["catalog"] = {}
	daemon.config["backstage"] = {"url": f"http://127.0.0.1:{harness.free_port()}"}
	daemon.config["store"]["path"] = daemon.store + "2"
	daemon.restart()
	code, out, err = policy_test(daemon, "- {principal: user:default/a, entity: a, expect: deny}")
	assert code == 1 and out == "" and "catalog is not known" in err, (code, out, err)


harness.main(globals())

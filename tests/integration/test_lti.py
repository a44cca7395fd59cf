"""docs/LTI.md: its commands are run as they stand there, and others' libraries take what comes."""

import json
import os
import re
import subprocess
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from lib.vault import BUILD, REPO

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP = "https://purl.imsglobal.org/spec/lti-dl/claim/"
BLOCKS = re.findall(r"^```\n(.*?)^```$", (REPO / "docs" / "LTI.md").read_text(), re.M | re.S)
TOOL = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def answer(**changes):
    now = int(time.time())
    claims = {
        "iss": "client-of-the-tool",
        "aud": "https://lms.example",
        "iat": now,
        "exp": now + 300,
        "nonce": "n-0S6_WzA2Mj",
        LTI + "message_type": "LtiDeepLinkingResponse",
        LTI + "version": "1.3.0",
        LTI + "deployment_id": "deployment-7",
        DEEP + "content_items": [{"type": "ltiResourceLink", "url": "https://tool.example/2"}],
    }
    return jwt.encode({**claims, **changes}, TOOL, algorithm="RS256", headers={"kid": "tool-1"})


@pytest.fixture
def run(tenant, tmp_path):
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(TOOL.public_key()))
    keys = {"keys": [{**public, "kid": "tool-1", "use": "sig", "alg": "RS256"}]}
    (tmp_path / "tool.jwks").write_text(json.dumps(keys))
    (tmp_path / "answer.jwt").write_text(answer())
    env = {
        **os.environ,
        "PATH": f"{BUILD}:{os.environ['PATH']}",
        "VAULTD_SOCKET": tenant.vault.app_path,
        "VAULTD_ADMIN_SOCKET": tenant.vault.admin_path,
        "VAULTD_TENANT": tenant.name,
    }

    def commands(block):
        done = subprocess.run(
            ["bash", "-euc", block], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr + block
        return done.stdout

    commands.tenant, commands.path = tenant, tmp_path
    return commands


def opened(run, name, file, **options):
    keys = jwt.PyJWKSet.from_json(run.tenant.call("key.public", name=name)["jwks"])
    token = (run.path / file).read_text().strip()
    kid = jwt.get_unverified_header(token)["kid"]
    (key,) = [k for k in keys.keys if k.key_id == kid]
    return jwt.decode(token, key.key, algorithms=["RS256", "ES256"], **options)


def test_the_documents_commands(run):
    output = [run(block) for block in BLOCKS]
    assert len(output) == 5
    shown = json.loads(output[0][output[0].index("{") :])
    assert [k["kid"] for k in json.loads(shown["jwks"])["keys"]] == ["platform.1"]
    assert shown["max_age"] <= 86400

    launch = opened(run, "platform", "launch.jwt", audience="client-of-the-tool")
    assert launch["iss"] == "https://lms.example" and launch["sub"] == "learner-42"
    assert launch["nonce"] == "n-0S6_WzA2Mj" and launch[LTI + "version"] == "1.3.0"
    assert launch[LTI + "message_type"] == "LtiResourceLinkRequest"
    assert launch[LTI + "resource_link"] == {"id": "course-1/quiz-2"}
    assert isinstance(launch[LTI + "roles"], list) and "tid" not in launch

    assert re.search(r'"valid": ?true', output[2]), output[2]

    response = opened(run, "tool-own", "response.jwt", audience="https://lms.example")
    assert response[LTI + "message_type"] == "LtiDeepLinkingResponse"
    assert response[DEEP + "content_items"][0]["type"] == "ltiResourceLink"
    assert response["iss"] == "client-of-the-tool"

    assertion = opened(run, "assertions", "assertion.jwt", audience="https://lms.example/token")
    assert assertion["iss"] == assertion["sub"] == "client-of-the-tool"
    assert assertion["exp"] - assertion["iat"] == 60 and assertion["jti"]
    again = run(BLOCKS[4].splitlines()[-1].replace(">assertion.jwt", ""))
    assert jwt.decode(again.strip(), options={"verify_signature": False})["jti"] != assertion["jti"]


def test_answers_that_are_not_as_agreed(run):
    run(BLOCKS[2])
    for changes, reason in (
        ({"iss": "another-client"}, "issuer"),
        ({"aud": "https://other.example"}, "audience"),
        ({LTI + "message_type": "LtiResourceLinkRequest"}, "malformed"),
        ({LTI + "deployment_id": "deployment-8"}, "malformed"),
        ({"exp": int(time.time()) - 120, "iat": int(time.time()) - 240}, "expired"),
    ):
        token = answer(**changes)
        assert run.tenant.reason(token, "lti-deep-linking") == reason, changes
    assert run.tenant.verify(answer(), "lti-deep-linking")["valid"] is True
    # The tool's key set again: nothing new in it.
    run(BLOCKS[2].splitlines()[0])
    assert len(run.tenant.call("key.get", name="tool")["versions"]) == 1

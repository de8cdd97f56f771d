"""`sam package` uploads what cargo-lambda builds in the form that Lambda starts: to moto's S3, with
placeholder binaries.
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

import boto3

from translate import REGION, parse

ROOT = Path(__file__).resolve().parents[2]
URL = os.environ["KEYSYNC_TEST_DYNAMODB"]
SAM = Path(os.environ["INFRA_TOOLS"]) / "bin" / "sam"


class Package(unittest.TestCase):
    def test_package_of_each_function_is_its_bootstrap(self):
        s3 = boto3.client(
            "s3",
            endpoint_url=URL,
            region_name=REGION,
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )
        s3.create_bucket(Bucket="packages")
        with tempfile.TemporaryDirectory() as folder:
            infra = Path(folder) / "infra"
            infra.mkdir()
            shutil.copy(ROOT / "infra" / "template.yaml", infra)
            names = ["sync", "lifecycle", "redeliver"]
            for name in names:
                built = Path(folder) / "target" / "lambda" / name / "bootstrap"
                built.parent.mkdir(parents=True)
                built.write_text(name)
                built.chmod(0o755)
            done = subprocess.run(
                [
                    sys.executable,
                    SAM,
                    "package",
                    "--template-file",
                    "template.yaml",
                    "--s3-bucket",
                    "packages",
                    "--output-template-file",
                    "packaged.yaml",
                    "--region",
                    REGION,
                ],
                cwd=infra,
                capture_output=True,
                text=True,
                check=False,
                env={
                    **os.environ,
                    "HOME": folder,
                    "SAM_CLI_TELEMETRY": "0",
                    "AWS_ENDPOINT_URL": URL,
                    "AWS_ACCESS_KEY_ID": "none",
                    "AWS_SECRET_ACCESS_KEY": "none",
                },
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            packaged = parse(infra / "packaged.yaml")["Resources"]
        for name in names:
            with self.subTest(function=name):
                key = packaged[name.capitalize()]["Properties"]["CodeUri"].removeprefix(
                    "s3://packages/"
                )
                archive = zipfile.ZipFile(
                    io.BytesIO(s3.get_object(Bucket="packages", Key=key)["Body"].read())
                )
                self.assertEqual(archive.read("bootstrap").decode(), name)
                self.assertTrue(
                    archive.getinfo("bootstrap").external_attr >> 16 & 0o111,
                    "bootstrap is executable",
                )


if __name__ == "__main__":
    unittest.main()

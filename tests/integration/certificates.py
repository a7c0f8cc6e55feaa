"""Authorities and certificates, made by the openssl program as docs/security.md
does."""

import subprocess

import millrace_cluster as mill

P_256 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
HERE = "IP:127.0.0.1, DNS:localhost, DNS:db.example"


def openssl(directory, *words):
  done = subprocess.run(["openssl", *words], cwd=directory, text=True,
                        capture_output=True, timeout=60, check=False)
  mill.check(done.returncode == 0, "openssl", *words, done.stderr)


def make_authority(directory, name):
  openssl(directory, "req", "-x509", *P_256, "-days", "90", "-subj",
          f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")


def make_certificate(directory, name, authority="ca", days="90", names=HERE,
                     usage=None):
  """`NAME.pem` and `NAME.key`; days below 0: it ended before it began."""
  openssl(directory, "req", *P_256, "-subj", f"/CN={name}", "-keyout",
          f"{name}.key", "-out", f"{name}.csr")
  extensions = f"subjectAltName = {names}\n"
  if usage:
    extensions += f"extendedKeyUsage = {usage}\n"
  (directory / "names").write_text(extensions)
  openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA",
          f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial",
          "-days", days, "-extfile", "names", "-out", f"{name}.pem")

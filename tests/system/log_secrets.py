"""Secrets in logs: what a run made, looked for in every line that it wrote. Each suite asks at its end, before its logs go."""
import re

# Whatever a run's own secrets are, these have no place in a log.
FORMS = {
    "a token": re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
    "a private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a URL with a password": re.compile(rb"[a-z]+://\w*:[^@\s/\"]{8,}@"),
}


def secrets_in(folder):
    """{file's name: its content} of a folder with one secret a file."""
    return {file.name: file.read_bytes().strip() for file in folder.iterdir()}


def found_in_logs(logs, secrets):
    """[(what, the log's name)] for each secret of {name: bytes} and each form in the files `logs`."""
    found = []
    for log in sorted(logs):
        text = log.read_bytes()
        found += [(name, log.name) for name, secret in secrets.items() if secret and secret in text]
        found += [(name, log.name) for name, form in FORMS.items() if form.search(text)]
    return found

"""Files of a ticket, as the form that Jira takes them in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from monitor.outlets.outlet import Attachment
from monitor.outlets.rest import Upload


def upload(files: Sequence[Attachment]) -> Upload:
    """Their names and media types are ours, so there is nothing in them to be quoted."""
    boundary = f"watchkeeper-{hashlib.sha256(b''.join(file.content for file in files)).hexdigest()}"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
        f"Content-Type: {file.media_type}\r\n\r\n".encode()
        + file.content
        + b"\r\n"
        for file in files
    ]
    body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
    # Without the second header Jira takes it for a form of somebody else's page.
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "X-Atlassian-Token": "no-check"}
    return Upload(headers, body)

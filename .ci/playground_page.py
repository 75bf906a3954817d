"""One HTML file of the page, its style, its scripts and its WebAssembly.

    playground_page.py FOLDER BOUND OUT    FOLDER: playground/page; BOUND: what wasm-bindgen wrote

The same input gives the same bytes.
"""

import base64
import gzip
import hashlib
import pathlib
import sys


def hash_source(text):
    """How a Content-Security-Policy names an element by its content."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def main(folder, bound, out):
    folder, bound, out = (pathlib.Path(path) for path in (folder, bound, out))
    style = (folder / "page.css").read_text()
    script = "\n".join(path.read_text() for path in
                       (bound / "regcred_playground.js", folder / "texts.js", folder / "page.js"))
    binary = (bound / "regcred_playground_bg.wasm").read_bytes()
    policy = {
        "default-src": "'none'",
        "script-src": f"'wasm-unsafe-eval' {hash_source(script)}",
        "style-src": hash_source(style),
        "img-src": "data:",  # the empty icon, so that browsers do not ask for another one
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    parts = {
        "@CSP@": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "@STYLE@": style,
        "@WASM@": base64.b64encode(gzip.compress(binary, 9, mtime=0)).decode(),
        "@SCRIPT@": script,
    }
    assert "</script" not in script.lower() and "</style" not in style.lower()
    page = (folder / "index.html").read_text()
    for name, content in parts.items():
        assert page.count(name) == 1, name
        page = page.replace(name, content)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page)
    kib = [f"{len(data) / 1024:.0f} KiB" for data in (page.encode(), gzip.compress(page.encode(), 9), binary)]
    print(f"{out}: {kib[0]}, {kib[1]} with gzip; WebAssembly: {kib[2]}")


main(*sys.argv[1:])

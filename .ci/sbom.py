"""The SBOM of a binary: what cargo-cyclonedx says about the crates that are in it, checked against the schema of CycloneDX.

    sbom.py CARGO_CYCLONEDX.json CARGO_TREE RUST_AUDIT_INFO.json OUT.json

cargo-cyclonedx and cargo-auditable read `cargo metadata`, which also lists crates that only a feature nobody enabled would use, such as
ring. `cargo tree` lists what is compiled (lines of a name and a version), so the SBOM contains that.
"""

import importlib.resources
import json
import pathlib
import sys

import fastjsonschema


def validator(version):
    folder = importlib.resources.files("cyclonedx.schema") / "_res"

    def read(name):
        return json.loads((folder / name).read_text(encoding="utf-8"))

    schema = read(f"bom-{version}.SNAPSHOT.schema.json")
    # The schema refers to its neighbours by their addresses.
    neighbour = lambda address: read(address.rsplit("/", 1)[-1].removesuffix("#"))  # noqa: E731
    return fastjsonschema.compile(schema, handlers={"http": neighbour, "https": neighbour, "": neighbour})


def of_binary(bom, compiled, embedded):
    """Only what is in the binary, with references that do not depend on the folder."""
    for name, listed in ("cargo-cyclonedx", bom["components"] + [bom["metadata"]["component"]]), ("the binary", embedded):
        missing = compiled - {(crate["name"], crate["version"]) for crate in listed}
        if missing:
            sys.exit(f"crates that {name} does not list: {sorted(missing)}")
    bom["components"] = [part for part in bom["components"] if (part["name"], part["version"]) in compiled]
    main = bom["metadata"]["component"]
    kept = {main["bom-ref"]} | {part["bom-ref"] for part in bom["components"]}
    bom["dependencies"] = [
        {**edges, "dependsOn": [ref for ref in edges.get("dependsOn", []) if ref in kept]}
        for edges in bom["dependencies"] if edges["ref"] in kept
    ]
    folder = main["bom-ref"].removeprefix("path+file://").split("#")[0]
    return json.loads(json.dumps(bom).replace(folder, "."))


def main(source, tree, embedded, out):
    compiled = {tuple(line.split()) for line in tree.read_text().splitlines()}
    bom = of_binary(json.loads(source.read_text()), compiled, json.loads(embedded.read_text())["packages"])
    validate = validator(bom["specVersion"])
    validate(bom)
    for wrong in ({**bom, "bomFormat": "other"}, {**bom, "components": [{"name": "a part without a type"}]}):
        try:
            validate(wrong)
        except fastjsonschema.JsonSchemaException:
            continue
        sys.exit("the schema accepts anything")
    out.write_text(json.dumps(bom, indent=1, ensure_ascii=False) + "\n")
    licensed = sum("licenses" in part for part in bom["components"])
    print(f"{out.name}: CycloneDX {bom['specVersion']}, {len(bom['components'])} crates, {licensed} with a licence")


main(*map(pathlib.Path, sys.argv[1:]))

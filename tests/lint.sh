#!/usr/bin/env bash
# The linters that want the collection at its place in a collections tree: ansible-lint, the changelog, the documentation.
set -euo pipefail
cd "$(dirname "$0")/.."
copy=$PWD/.build/lint/ansible_collections/hyperv/replica
rm -rf .build/lint
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  if [ -e "$file" ]; then printf '%s\0' "$file"; fi
done | tar -c --null -T - | tar -x -C "$copy"
export ANSIBLE_COLLECTIONS_PATH=$PWD/.build/lint
cd "$copy"
git init -q . && git add -A
antsibull-changelog lint
antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .
ansible-lint --offline --profile production --strict --nocolor --parseable

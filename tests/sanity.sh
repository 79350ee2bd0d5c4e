#!/usr/bin/env bash
# ansible-test sanity, in a copy of the tree because it refuses a checkout that is reached by a symbolic link, and with
# a home of its own: ansible-test keeps its environments there, and looks there for the script that installs pip.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1
home=$PWD/.build/sanity-home
copy=$PWD/.build/sanity-$version/ansible_collections/hyperv/replica

mkdir -p "$home/.ansible/test/cache"
source=$(python -c 'import ansible_test._internal.python_requirements as r; print(r.__file__)')
for pip in $(grep -oP "pip='\K[0-9.]+" "$source" | sort -u); do
  cp tests/get_pip.py "$home/.ansible/test/cache/get_pip_${pip//./_}.py"
done

rm -rf ".build/sanity-$version"
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  if [ -e "$file" ]; then printf '%s\0' "$file"; fi
done | tar -c --null -T - | tar -x -C "$copy"
cd "$copy"
git init -q . && git add -A
HOME=$home ansible-test sanity --python "$version" --color no

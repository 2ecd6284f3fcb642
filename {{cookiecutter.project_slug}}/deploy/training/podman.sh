#!/bin/sh
# Runs a Job of this folder on this machine by Podman, which gets its pod; FILE has the variables of its secret, as NAME=value:
# sh deploy/training/podman.sh FILE [deploy/training/job.yaml]
set -eu
variables=${1:?the file with the variables is missing} job=${2:-deploy/training/job.yaml}
pod=$(sed -n 's/^  generateName: \(.*\)-$/\1/p' "$job")
secret=$(sed -n 's/.*secretRef: { name: \([^ ]*\) }.*/\1/p' "$job")
container=$pod-$(sed -n '/^        - name: /{s///p;q;}' "$job")
scratch=$(mktemp -d) # for its owner alone
trap 'podman pod rm --force --ignore "$pod" >/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
{
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: %s }\ndata:\n' "$secret"
    sed -n "s/'/''/g; s/^\([A-Za-z_][A-Za-z0-9_]*\)=\(.*\)/  \1: '\2'/p" "$variables"
} >"$scratch/variables.yaml"
{
    printf 'apiVersion: v1\nkind: Pod\nmetadata: { name: %s }\n' "$pod"
    sed -n '/^    spec:/,$s/^    //p' "$job" | sed 's/secretRef:/configMapRef:/'
} >"$scratch/pod.yaml"
podman kube play --quiet --start=false --configmap "$scratch/variables.yaml" "$scratch/pod.yaml" >/dev/null
podman start --attach "$container"

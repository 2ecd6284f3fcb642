# A bucket, a container registry, and the service account with which the workflows of one repository use both, without a
# stored key. docs/storage.md says how to apply it.

terraform {
  required_version = ">= 1.8"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }
}

variable "repository" {
  type        = string
  description = "The repository at GitHub, as OWNER/NAME"
  validation {
    condition     = can(regex("^[^/*]+/[^/*]+$", var.repository))
    error_message = "The repository is OWNER/NAME."
  }
}

variable "project" {
  type        = string
  description = "ID of the project at Google Cloud"
}

variable "bucket" {
  type        = string
  description = "Name of the bucket, unique among all of Google Cloud"
}

variable "region" {
  type    = string
  default = "europe-west1"
}

locals {
  name = trimsuffix(substr("{{ cookiecutter.project_slug }}", 0, 28), "-") # accounts and pools have short names
  # the jobs that log in: those on main, and those in an environment
  subjects = concat(
    ["repo:${var.repository}:ref:refs/heads/main"],
    [for name in ["github-pages", "production", "release", "staging"] : "repo:${var.repository}:environment:${name}"],
  )
}

provider "google" {
  project = var.project
  region  = var.region
}

resource "google_project_service" "needed" {
  for_each           = toset(["artifactregistry.googleapis.com", "iamcredentials.googleapis.com", "sts.googleapis.com"])
  service            = each.value
  disable_on_destroy = false
}

resource "google_storage_bucket" "store" {
  name                        = var.bucket
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  versioning {
    enabled = true
  }
}

resource "google_artifact_registry_repository" "images" {
  repository_id = local.name
  location      = var.region
  format        = "DOCKER"
  depends_on    = [google_project_service.needed]
}

resource "google_service_account" "workflows" {
  account_id = "m-${local.name}" # at least six characters
}

resource "google_iam_workload_identity_pool" "github" {
  workload_identity_pool_id = "m-${local.name}"
  depends_on                = [google_project_service.needed]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_mapping                  = { "google.subject" = "assertion.sub" }
  attribute_condition                = "assertion.repository == '${var.repository}'"
  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "github" {
  for_each           = toset(local.subjects)
  service_account_id = google_service_account.workflows.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}/subject/${each.value}"
}

resource "google_storage_bucket_iam_member" "store" {
  bucket = google_storage_bucket.store.name
  role   = "roles/storage.objectUser"
  member = google_service_account.workflows.member
}

resource "google_artifact_registry_repository_iam_member" "images" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.workflows.member
}

output "variables" {
  description = "The variables of the repository"
  value = {
    GOOGLE_IDENTITY_PROVIDER = google_iam_workload_identity_pool_provider.github.name
    GOOGLE_SERVICE_ACCOUNT   = google_service_account.workflows.email
    REGISTRY                 = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
    REGISTRY_USER            = "oauth2accesstoken"
  }
}

output "remote" {
  description = "The address of DVC's remote"
  value       = "gs://${google_storage_bucket.store.name}/dvc"
}

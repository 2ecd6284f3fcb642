# A bucket, a container registry, and the role with which the workflows of one repository use both, without a stored key.
# docs/storage.md says how to apply it.

terraform {
  required_version = ">= 1.8"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
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

variable "bucket" {
  type        = string
  description = "Name of the bucket, unique among all of AWS"
}

variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "first_repository" {
  type        = bool
  default     = true
  description = "false if the account already trusts GitHub: it can have this provider once"
}

locals {
  issuer = "token.actions.githubusercontent.com"
  # the jobs that log in: those on main, and those in an environment
  subjects = concat(
    ["repo:${var.repository}:ref:refs/heads/main"],
    [for name in ["github-pages", "production", "release", "staging"] : "repo:${var.repository}:environment:${name}"],
  )
  provider = one(concat(aws_iam_openid_connect_provider.github[*].arn, data.aws_iam_openid_connect_provider.github[*].arn))
}

provider "aws" {
  region = var.region
}

resource "aws_s3_bucket" "store" {
  bucket = var.bucket
}

resource "aws_s3_bucket_public_access_block" "store" {
  bucket                  = aws_s3_bucket.store.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "store" {
  bucket = aws_s3_bucket.store.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_ecr_repository" "images" {
  name = lower(var.repository) # the workflows push to REGISTRY/OWNER/NAME
}

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.first_repository ? 1 : 0
  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_openid_connect_provider" "github" {
  count = var.first_repository ? 0 : 1
  url   = "https://${local.issuer}"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [local.provider]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = local.subjects
    }
  }
}

data "aws_iam_policy_document" "use" {
  statement {
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.store.arn]
  }
  statement {
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.store.arn}/*"]
  }
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # it cannot be limited to one repository
  }
  statement {
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [aws_ecr_repository.images.arn]
  }
}

resource "aws_iam_role" "workflows" {
  name               = replace(var.repository, "/", "-")
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "use" {
  role   = aws_iam_role.workflows.id
  policy = data.aws_iam_policy_document.use.json
}

output "variables" {
  description = "The variables of the repository"
  value = {
    AWS_REGION    = var.region
    AWS_ROLE      = aws_iam_role.workflows.arn
    REGISTRY      = split("/", aws_ecr_repository.images.repository_url)[0]
    REGISTRY_USER = "AWS"
  }
}

output "remote" {
  description = "The address of DVC's remote"
  value       = "s3://${aws_s3_bucket.store.id}/dvc"
}

# A container of blobs, a container registry, and the identity with which the workflows of one repository use both, without
# a stored key. docs/storage.md says how to apply it.

terraform {
  required_version = ">= 1.8"
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.55"
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

variable "subscription" {
  type        = string
  description = "ID of the subscription"
}

variable "account" {
  type        = string
  description = "Name of the storage account and of the registry, each unique among all of Azure"
  validation {
    condition     = can(regex("^[a-z0-9]{5,24}$", var.account))
    error_message = "The name has 5 to 24 small letters and digits."
  }
}

variable "bucket" {
  type        = string
  description = "Name of the container of blobs"
  default     = "models"
}

variable "region" {
  type    = string
  default = "westeurope"
}

locals {
  name = "{{ cookiecutter.project_slug }}"
  # the jobs that log in: those on main, and those in an environment
  subjects = merge(
    { main = "repo:${var.repository}:ref:refs/heads/main" },
    { for name in ["github-pages", "production", "release", "staging"] : name => "repo:${var.repository}:environment:${name}" },
  )
}

provider "azurerm" {
  subscription_id     = var.subscription
  storage_use_azuread = true
  features {}
}

resource "azurerm_resource_group" "model" {
  name     = local.name
  location = var.region
}

resource "azurerm_storage_account" "store" {
  name                            = var.account
  resource_group_name             = azurerm_resource_group.model.name
  location                        = azurerm_resource_group.model.location
  account_tier                    = "Standard"
  account_replication_type        = "ZRS"
  allow_nested_items_to_be_public = false
  shared_access_key_enabled       = false
}

resource "azurerm_storage_container" "store" {
  name               = var.bucket
  storage_account_id = azurerm_storage_account.store.id
}

resource "azurerm_container_registry" "images" {
  name                = var.account
  resource_group_name = azurerm_resource_group.model.name
  location            = azurerm_resource_group.model.location
  sku                 = "Basic"
}

resource "azurerm_user_assigned_identity" "workflows" {
  name                = "${local.name}-workflows"
  resource_group_name = azurerm_resource_group.model.name
  location            = azurerm_resource_group.model.location
}

resource "azurerm_federated_identity_credential" "github" {
  for_each            = local.subjects
  name                = each.key
  resource_group_name = azurerm_resource_group.model.name
  parent_id           = azurerm_user_assigned_identity.workflows.id
  issuer              = "https://token.actions.githubusercontent.com"
  audience            = ["api://AzureADTokenExchange"]
  subject             = each.value
}

resource "azurerm_role_assignment" "blobs" {
  scope                = azurerm_storage_container.store.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azurerm_user_assigned_identity.workflows.principal_id
}

resource "azurerm_role_assignment" "images" {
  scope                = azurerm_container_registry.images.id
  role_definition_name = "AcrPush"
  principal_id         = azurerm_user_assigned_identity.workflows.principal_id
}

output "variables" {
  description = "The variables of the repository"
  value = {
    AZURE_CLIENT_ID       = azurerm_user_assigned_identity.workflows.client_id
    AZURE_SUBSCRIPTION_ID = var.subscription
    AZURE_TENANT_ID       = azurerm_user_assigned_identity.workflows.tenant_id
    REGISTRY              = azurerm_container_registry.images.login_server
    REGISTRY_USER         = "00000000-0000-0000-0000-000000000000"
  }
}

output "remote" {
  description = "The address of DVC's remote; its account_name is the storage account"
  value       = "azure://${azurerm_storage_container.store.name}/dvc"
}

# What the workflows in .github/ call beyond the Makefile, which includes this; with gh and the rights, it works anywhere.

.PHONY: summary
summary: ## print the page about the model of this change
	@$(RUN) $(PACKAGE) summary

.PHONY: comment
comment: ## post it to the pull request that this workflow is about
	@$(RUN) $(PACKAGE) comment

.PHONY: dispatch
dispatch: ## start WORKFLOW on main, with FIELD (name=value) if it takes one
	gh workflow run "$$WORKFLOW" --ref main $${GITHUB_REPOSITORY:+--repo "$$GITHUB_REPOSITORY"} $${FIELD:+--raw-field "$$FIELD"}

.PHONY: secrets
secrets: ## search all files of git for passwords and keys
	$(RUN) pre-commit run detect-secrets --all-files

.PHONY: ingest
ingest: ## read the source of the data where it changed, or again if REFRESH is true or due, as params.yaml says
	@if [ "$$REFRESH" = due ]; then $(RUN) $(PACKAGE) refresh-if-due; \
	elif [ "$$REFRESH" = true ] || [ "$$GITHUB_EVENT_NAME" = repository_dispatch ]; then $(MAKE) --no-print-directory refresh; \
	else $(RUN) dvc repro ingest $(if $(CI),--pull </dev/null); fi

.PHONY: train-part
train-part: ## make or fetch the train part, from which `make tune` learns
	$(RUN) dvc repro split $(if $(CI),--pull </dev/null)

.PHONY: propose-tuning
propose-tuning: push-store ## open the pull request of what `make tune` has found
	@$(RUN) $(PACKAGE) propose-tuning

.PHONY: write-back
write-back: push-store ## push data, history and dvc.lock to the branch, and start its checks
	@$(RUN) $(PACKAGE) write-back

.PHONY: report-alarm
report-alarm: ## open or update the issue of the alarm in reports/, and start train on new data
	@$(RUN) $(PACKAGE) report-alarm

.PHONY: report-failure
report-failure: ## open or update the issue that the scheduled run of WORKFLOW has failed
	@$(RUN) $(PACKAGE) report-failure -- "$$WORKFLOW"

.PHONY: site
site: ## write status, reviews, cards and history as pages for everybody (build/site)
	@$(RUN) $(PACKAGE) site

.PHONY: with-store
with-store: ## run the target STEP on the newest history, and push what it has added
	@case "$$STEP" in -* | *[!a-z-]* | "") echo "STEP is no name of a target" >&2; exit 2 ;; esac
	@$(RUN) $(PACKAGE) with-store "$(MAKE)" --no-print-directory "$$STEP"

# The users of the clouds' registries, whose password is the login that the workflow already has.
.PHONY: login
login: ## log in to REGISTRY as REGISTRY_USER with REGISTRY_PASSWORD: for Docker, Podman, cosign and gh alike
	@case "$$REGISTRY_USER" in \
	AWS) REGISTRY_PASSWORD=$$(aws ecr get-login-password) ;; \
	oauth2accesstoken) REGISTRY_PASSWORD=$$(gcloud auth print-access-token) ;; \
	00000000-0000-0000-0000-000000000000) REGISTRY_PASSWORD=$$(az acr login --name "$$REGISTRY" --expose-token --query accessToken --output tsv) ;; \
	esac && \
	printf '%s' "$$REGISTRY_PASSWORD" | cosign login "$${REGISTRY%%/*}" --username "$$REGISTRY_USER" --password-stdin

.PHONY: approved
approved: ## check that dvc.lock is the one that main has approved, now
	@$(RUN) $(PACKAGE) approved

.PHONY: tag
tag: ## tag the commit as model/vN: the version whose image was pushed last
	@$(RUN) $(PACKAGE) tag

.PHONY: sign
sign: ## sign IMAGE with the identity of this workflow
	cosign sign --yes "$$IMAGE"

UNATTESTED := The attestations were skipped: GitHub keeps none of a private repository without the plan for it. The image \
  is signed; with the plan, set the variable ATTESTATIONS to true (docs/github.md).

.PHONY: unattested
unattested: ## say that the image has a signature, but no attestations
	@echo "$(UNATTESTED)" >> "$${GITHUB_STEP_SUMMARY:-/dev/stdout}"

.PHONY: verify
verify: ## verify that release on main has made IMAGE, or what ENVIRONMENT (default: production) runs
	@$(RUN) $(PACKAGE) verify $${ENVIRONMENT:+"$$ENVIRONMENT"} $${IMAGE:+--image "$$IMAGE"}

.PHONY: deploy
deploy: ## make ENVIRONMENT (staging, production) run what git says, and verify its predictions
	@$(RUN) $(PACKAGE) deploy "$$ENVIRONMENT"

.PHONY: champion
champion: ## make the version that production runs the champion of the registry
	@$(RUN) $(PACKAGE) champion

.PHONY: deploy-failed
deploy-failed: ## report a failed deployment in the pull request, and open the one that undoes it
	@$(RUN) $(PACKAGE) deploy-failed

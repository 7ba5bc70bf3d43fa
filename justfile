set positional-arguments

default: check

# everything CI runs
check:
    uv run ruff format --check .
    uv run ruff check .
    uv run lint-imports
    uv run pyright
    SOAK_RUNS=3 uv run pytest -n 2 -m "not slow" --cov --cov-report=term-missing:skip-covered

# kill servers at random points, 200 times, and a long run of the state machine; writes docs/soak.md
soak:
    SOAK_RUNS=200 SOAK_REPORT=docs/soak.md uv run pytest tests/soak -q -s
    MACHINE_EXAMPLES=500 uv run pytest tests/machine -q
    uv run pytest tests/faults -q

# repair what a machine can repair
fix:
    uv run ruff format .
    uv run ruff check --fix .

# one test, fast: just test tests/tools/test_create_video.py
test *args:
    uv run pytest "$@"

# rewrite the golden schemas and the README's tables after an intended change
golden:
    uv run pytest --rewrite-golden tests/tools tests/faults tests/test_readme.py

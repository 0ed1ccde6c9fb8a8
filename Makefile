# Everything is a verb of ./dev; this is for fingers that type make.

all: build

build test lint unit asan static fuzz bench run clean:
	@./dev $@

.PHONY: all build test lint unit asan static fuzz bench run clean

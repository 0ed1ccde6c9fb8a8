# Everything is a verb of ./dev; this is for fingers that type make.

all: build

build static asan run unit sim lint test browser fuzz chaos bench load image clean:
	@./dev $@

.PHONY: all build static asan run unit sim lint test browser fuzz chaos bench load image clean

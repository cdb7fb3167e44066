// Command inguest is process 1 of guests that tests look into: the appliance's
// own process 1, and beside it a test of `weir tune` that says on the serial
// line what came of it. The tests of package build put it into a guest; no image
// has it.
package main

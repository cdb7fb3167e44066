package vm

import "testing"

// The wanted texts are LuaJIT 2.1's.
func TestTheMiddleIsRoundedAwayFromZero(t *testing.T) {
	vm, _ := newTestVM(t)
	for src, want := range map[string]string{
		`("%.2f %.1f %.0f %.0f"):format(0.125, -0.25, 0.5, 2.5)`:     "0.13 -0.3 1 3",
		`("%.2f %.3f %.2f"):format(1.005, 2.0005, 0.375)`:            "1.00 2.001 0.38",
		`("%.0e %.1e %.2e %.0e"):format(2.5, 1.25, 1.125e10, 1e300)`: "3e+00 1.3e+00 1.13e+10 1e+300",
		`("%g %g %.13g %.2g"):format(1234565, 9.5, 2^-19, 99.5)`:     "1.23457e+06 9.5 1.907348632813e-06 1e+02",
		`("%.14g %s"):format(12345678901234.5, 999999999999985)`:     "12345678901235 9.9999999999999e+14",
		`("%.0f %.3f %.1f %.0e"):format(0, 5e-324, 1/0, 0)`:          "0 0.000 inf 0e+00",
		`("%.1e %.0e %.18g"):format(3*2^60, 5*2^40, 2^63)`:           "3.5e+18 5e+12 9.22337203685477581e+18",
		`tostring(0.5) .. " " .. 2.5e-5 .. " " .. 123456789012345`:   "0.5 2.5e-05 1.2345678901235e+14",
	} {
		res, e := runChunk(t, vm, "return "+src, "=t")
		if e != nil {
			t.Errorf("%s: %v", src, e)
		} else if got, _ := res[0].AsString(); got != want {
			t.Errorf("%s: got %q, want %q", src, got, want)
		}
	}
}

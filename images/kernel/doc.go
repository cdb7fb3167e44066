// Package kernel takes out of Debian's kernel package what an image needs: the
// kernel, and the modules of a list with everything they depend on.
//
// Dependencies are read from the modules themselves, since the package has no
// modules.dep: that is made where it is installed.
package kernel

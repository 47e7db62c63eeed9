package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// In containers settings come from the environment: every flag of serve has a variable, and the
// TARGET has one. An empty variable counts as unset, since compose files pass such. Variables that
// belong to no flag are ignored: Kubernetes sets CGIKIT_SERVICE_HOST and others for a service that
// is called cgikit.
//
// No script gets these variables: package cgi gives a script only those that it is told to.

// variablePrefix begins the name of each variable.
const variablePrefix = "CGIKIT_"

// variableOf returns the variable of a flag or of the TARGET.
func variableOf(name string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// fromEnvironment has the flags and the target that came from the environment, with their values.
type fromEnvironment map[string][]string

// setFlags sets the flags that the command line does not. The values of a flag that may be given
// several times are separated by spaces.
func (e fromEnvironment) setFlags(flags *pflag.FlagSet, getenv func(string) string) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		name := variableOf(f.Name)
		value := getenv(name)
		if err != nil || f.Changed || f.Name == "help" || value == "" || isForScript(name, getenv) {
			return
		}
		e[f.Name] = []string{value}
		if isList(f.Value) {
			e[f.Name] = strings.Fields(value)
		}
		for _, v := range e[f.Name] {
			if setErr := f.Value.Set(v); setErr != nil {
				err = cli.Usage(fmt.Errorf("%s: %.100q is not possible: %.200s", name, v, setErr.Error()), "it is the flag --"+f.Name+`: "cgikit serve --help" tells what it takes`)
				return
			}
		}
		f.Changed = true
	})
	return err
}

// isForScript reports whether a variable was set for a CGI script, of which this process is a
// child: package cgi sets CGIKIT_STRICT_EXIT for every script.
func isForScript(name string, getenv func(string) string) bool {
	return name == "CGIKIT_STRICT_EXIT" && getenv("GATEWAY_INTERFACE") != ""
}

// isList reports whether a flag may be given several times.
func isList(v pflag.Value) bool {
	if _, ok := v.(pflag.SliceValue); ok {
		return true
	}
	_, ok := v.(interface{ mayRepeat() })
	return ok
}

// targets returns the TARGETs: args, or without them those of CGIKIT_TARGET. Spaces separate
// FastCGI and SCGI targets, of which there may be several, and " cgi:" begins another cgi: target.
// Any other TARGET is one, with its spaces.
func (e fromEnvironment) targets(args []string, getenv func(string) string) []string {
	value := strings.TrimSpace(getenv(variableOf("target")))
	if len(args) > 0 || value == "" {
		return args
	}
	e["target"] = []string{value}
	if strings.HasPrefix(value, "fastcgi") || strings.HasPrefix(value, "scgi") {
		e["target"] = strings.Fields(value)
	} else if strings.HasPrefix(value, "cgi:") {
		e["target"] = strings.Split(strings.ReplaceAll(value, " cgi:", "\x00cgi:"), "\x00")
	}
	return e["target"]
}

// addVariables names the variables from which the mistake of a usage error came: the error has the
// name of their flag, or their value.
func (e fromEnvironment) addVariables(err error) error {
	if cli.Status(err) != cli.StatusUsage {
		return err
	}
	var names []string
	text := err.Error()
	for name, values := range e {
		quoted := slices.ContainsFunc(values, func(v string) bool { return strings.Contains(text, fmt.Sprintf("%.100q", v)) })
		if quoted || slices.Contains(strings.FieldsFunc(text, isAfterFlag), "--"+name) {
			names = append(names, variableOf(name))
		}
	}
	if len(names) == 0 {
		return err
	}
	slices.Sort(names)
	return fmt.Errorf("%w (from %s)", err, strings.Join(names, ", "))
}

// isAfterFlag reports whether r ends the name of a flag in a sentence.
func isAfterFlag(r rune) bool { return r != '-' && (r < 'a' || r > 'z') }

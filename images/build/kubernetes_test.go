package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The parts of the Kubernetes API that the manifests use. A field that is not
// here is a mistake, or has to be added under its name of the API.
type (
	metadata struct {
		Name   string            `yaml:"name"`
		Labels map[string]string `yaml:"labels"`
	}
	selector struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
	}
	resources struct {
		CPU    string `yaml:"cpu"`
		Memory string `yaml:"memory"`
	}
	probe struct {
		HTTPGet struct {
			Path string `yaml:"path"`
			Port string `yaml:"port"`
		} `yaml:"httpGet"`
		PeriodSeconds    int `yaml:"periodSeconds"`
		FailureThreshold int `yaml:"failureThreshold"`
	}
	securityContext struct {
		RunAsNonRoot             bool  `yaml:"runAsNonRoot"`
		RunAsUser                int   `yaml:"runAsUser"`
		RunAsGroup               int   `yaml:"runAsGroup"`
		FSGroup                  int   `yaml:"fsGroup"`
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct {
			Drop []string `yaml:"drop"`
			Add  []string `yaml:"add"`
		} `yaml:"capabilities"`
		SeccompProfile struct {
			Type string `yaml:"type"`
		} `yaml:"seccompProfile"`
	}
	podContainer struct {
		Name  string   `yaml:"name"`
		Image string   `yaml:"image"`
		Args  []string `yaml:"args"`
		Ports []struct {
			Name          string `yaml:"name"`
			ContainerPort int    `yaml:"containerPort"`
			HostPort      int    `yaml:"hostPort"`
		} `yaml:"ports"`
		SecurityContext securityContext `yaml:"securityContext"`
		Resources       struct {
			Requests resources `yaml:"requests"`
			Limits   resources `yaml:"limits"`
		} `yaml:"resources"`
		StartupProbe   probe `yaml:"startupProbe"`
		ReadinessProbe probe `yaml:"readinessProbe"`
		LivenessProbe  probe `yaml:"livenessProbe"`
		Lifecycle      struct {
			PreStop struct {
				Sleep struct {
					Seconds int `yaml:"seconds"`
				} `yaml:"sleep"`
			} `yaml:"preStop"`
		} `yaml:"lifecycle"`
		VolumeMounts []struct {
			Name      string `yaml:"name"`
			MountPath string `yaml:"mountPath"`
		} `yaml:"volumeMounts"`
	}
	pod struct {
		HostNetwork                   bool            `yaml:"hostNetwork"`
		DNSPolicy                     string          `yaml:"dnsPolicy"`
		TerminationGracePeriodSeconds int             `yaml:"terminationGracePeriodSeconds"`
		SecurityContext               securityContext `yaml:"securityContext"`
		Containers                    []podContainer  `yaml:"containers"`
		Volumes                       []volume        `yaml:"volumes"`
	}
	volume struct {
		Name      string `yaml:"name"`
		ConfigMap struct {
			Name string `yaml:"name"`
		} `yaml:"configMap"`
		EmptyDir *struct {
			Medium string `yaml:"medium"`
		} `yaml:"emptyDir"`
	}
	rollingUpdate struct {
		RollingUpdate struct {
			MaxUnavailable int `yaml:"maxUnavailable"`
			MaxSurge       int `yaml:"maxSurge"`
		} `yaml:"rollingUpdate"`
	}
	// load is a Deployment or a DaemonSet.
	load struct {
		header `yaml:",inline"`
		Spec   struct {
			Replicas       int           `yaml:"replicas"`
			Selector       selector      `yaml:"selector"`
			Strategy       rollingUpdate `yaml:"strategy"`
			UpdateStrategy rollingUpdate `yaml:"updateStrategy"`
			Template       struct {
				Metadata metadata `yaml:"metadata"`
				Spec     pod      `yaml:"spec"`
			} `yaml:"template"`
		} `yaml:"spec"`
	}
	service struct {
		header `yaml:",inline"`
		Spec   struct {
			Selector map[string]string `yaml:"selector"`
			Ports    []struct {
				Name       string `yaml:"name"`
				Port       int    `yaml:"port"`
				TargetPort string `yaml:"targetPort"`
			} `yaml:"ports"`
		} `yaml:"spec"`
	}
	autoscaler struct {
		header `yaml:",inline"`
		Spec   struct {
			ScaleTargetRef struct {
				APIVersion string `yaml:"apiVersion"`
				Kind       string `yaml:"kind"`
				Name       string `yaml:"name"`
			} `yaml:"scaleTargetRef"`
			MinReplicas int `yaml:"minReplicas"`
			MaxReplicas int `yaml:"maxReplicas"`
			Metrics     []struct {
				Type     string `yaml:"type"`
				Resource struct {
					Name   string `yaml:"name"`
					Target struct {
						Type               string `yaml:"type"`
						AverageUtilization int    `yaml:"averageUtilization"`
					} `yaml:"target"`
				} `yaml:"resource"`
			} `yaml:"metrics"`
		} `yaml:"spec"`
	}
	configMap struct {
		header `yaml:",inline"`
		Data   map[string]string `yaml:"data"`
	}
	header struct {
		APIVersion string   `yaml:"apiVersion"`
		Kind       string   `yaml:"kind"`
		Metadata   metadata `yaml:"metadata"`
	}
)

// cluster is what the manifests say.
type cluster struct {
	loads       map[string]*load // by kind
	services    []*service
	autoscalers []*autoscaler
	configMaps  map[string]*configMap // by name
}

// versions are the API versions of the kinds.
var versions = map[string]string{
	"Deployment": "apps/v1", "DaemonSet": "apps/v1", "Service": "v1", "ConfigMap": "v1", "HorizontalPodAutoscaler": "autoscaling/v2",
}

// readCluster reads all manifests and takes no field it does not know.
func readCluster(t *testing.T) *cluster {
	t.Helper()
	files, err := filepath.Glob("../kubernetes/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	c := &cluster{loads: map[string]*load{}, configMaps: map[string]*configMap{}}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for doc := range bytes.SplitSeq(text, []byte("\n---\n")) {
			var h header
			if err := yaml.Unmarshal(doc, &h); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if versions[h.Kind] == "" || versions[h.Kind] != h.APIVersion || h.Metadata.Name == "" {
				t.Errorf("%s: %s of %s named %q", file, h.Kind, h.APIVersion, h.Metadata.Name)
			}
			if err := c.add(h.Kind, doc); err != nil {
				t.Errorf("%s: %s: %v", file, h.Kind, err)
			}
		}
	}
	return c
}

func (c *cluster) add(kind string, doc []byte) error {
	d := yaml.NewDecoder(bytes.NewReader(doc))
	d.KnownFields(true)
	switch kind {
	case "Deployment", "DaemonSet":
		c.loads[kind] = new(load)
		return d.Decode(c.loads[kind])
	case "Service":
		c.services = append(c.services, new(service))
		return d.Decode(c.services[len(c.services)-1])
	case "HorizontalPodAutoscaler":
		c.autoscalers = append(c.autoscalers, new(autoscaler))
		return d.Decode(c.autoscalers[len(c.autoscalers)-1])
	}
	m := new(configMap)
	err := d.Decode(m)
	c.configMaps[m.Metadata.Name] = m
	return err
}

func TestTheManifestsFitTogether(t *testing.T) {
	c := readCluster(t)
	if len(c.loads) != 2 || len(c.services) != 1 || len(c.autoscalers) != 1 || len(c.configMaps) != 1 {
		t.Fatalf("%d workloads, %d services, %d autoscalers, %d configurations", len(c.loads), len(c.services), len(c.autoscalers), len(c.configMaps))
	}
	for kind, l := range c.loads {
		t.Run(kind, func(t *testing.T) { c.checkLoad(t, l) })
	}
	deployment := c.loads["Deployment"]
	for _, s := range c.services {
		if !within(s.Spec.Selector, deployment.Spec.Template.Metadata.Labels) {
			t.Errorf("service %s selects %v", s.Metadata.Name, s.Spec.Selector)
		}
		if s.Spec.Ports[0].TargetPort != deployment.Spec.Template.Spec.Containers[0].Ports[0].Name {
			t.Errorf("service %s leads to port %q", s.Metadata.Name, s.Spec.Ports[0].TargetPort)
		}
	}
	for _, a := range c.autoscalers {
		ref := a.Spec.ScaleTargetRef
		l := c.loads[ref.Kind]
		if l == nil || l.Metadata.Name != ref.Name || l.APIVersion != ref.APIVersion || a.Spec.MinReplicas < 1 || a.Spec.MaxReplicas < a.Spec.MinReplicas || len(a.Spec.Metrics) == 0 {
			t.Errorf("autoscaler %+v", a.Spec)
		}
	}
}

// within reports whether all of want are in have.
func within(want, have map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return len(want) > 0
}

// checkLoad checks what the API server or a node would.
func (c *cluster) checkLoad(t *testing.T, l *load) {
	p := l.Spec.Template.Spec
	if !within(l.Spec.Selector.MatchLabels, l.Spec.Template.Metadata.Labels) {
		t.Errorf("selector %v, labels %v", l.Spec.Selector, l.Spec.Template.Metadata.Labels)
	}
	if p.TerminationGracePeriodSeconds < 30 || len(p.Containers) != 1 {
		t.Fatalf("%d s to end, %d containers", p.TerminationGracePeriodSeconds, len(p.Containers))
	}
	k := &p.Containers[0]
	for _, pr := range []probe{k.StartupProbe, k.ReadinessProbe, k.LivenessProbe} {
		if pr.HTTPGet.Port != k.Ports[0].Name || pr.HTTPGet.Path != "/healthz" || pr.PeriodSeconds < 1 {
			t.Errorf("probe %+v", pr)
		}
	}
	if k.SecurityContext.Capabilities.Drop[0] != "ALL" || !k.SecurityContext.ReadOnlyRootFilesystem || k.Resources.Limits.Memory == "" || k.Resources.Requests.CPU == "" {
		t.Errorf("rights and bounds: %+v %+v", k.SecurityContext, k.Resources)
	}
	for _, m := range k.VolumeMounts {
		i := slices.IndexFunc(p.Volumes, func(v volume) bool { return v.Name == m.Name })
		if i < 0 || p.Volumes[i].EmptyDir == nil && c.configMaps[p.Volumes[i].ConfigMap.Name] == nil {
			t.Errorf("%s is mounted and is not there", m.Name)
		}
	}
}

// clusterWorkloads are the workloads as containers.
func clusterWorkloads(t *testing.T) (list []workload) {
	t.Helper()
	c := readCluster(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(c.configMaps["weir"].Data["nginx.conf"]), 0o644); err != nil {
		t.Fatal(err)
	}
	for kind, l := range c.loads {
		p := &l.Spec.Template.Spec
		w := workload{name: strings.ToLower(kind), args: p.Containers[0].Args, user: p.SecurityContext.RunAsUser, group: p.SecurityContext.RunAsGroup,
			conf: dir, path: "/healthz", body: "ok\n", steered: kind == "DaemonSet"}
		for _, name := range p.Containers[0].SecurityContext.Capabilities.Add {
			// What this machine has not itself it cannot give: the test is then
			// that weir does without.
			if lacking(t)["cap_"+strings.ToLower(name)] {
				t.Logf("%s goes without %s, which is not to be had here", kind, name)
				continue
			}
			w.caps = append(w.caps, "CAP_"+name)
		}
		list = append(list, w)
	}
	return list
}

// lacking are the capabilities that nothing on this machine can have.
func lacking(t *testing.T) map[string]bool {
	t.Helper()
	out, err := exec.Command("setpriv", "--list-caps").Output()
	if err != nil {
		t.Skip("needs the program setpriv (package util-linux)")
	}
	lacks := map[string]bool{}
	for name := range strings.FieldsSeq(string(out)) {
		lacks["cap_"+name] = true
	}
	out, err = exec.Command("setpriv", "--dump").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(out), "Capability bounding set:")
	set, _, _ := strings.Cut(rest, "\n")
	for name := range strings.SplitSeq(set, ",") {
		delete(lacks, "cap_"+strings.TrimSpace(name))
	}
	return lacks
}

func TestTheConfigurationsOfTheImagesAreGood(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program: not with -short")
	}
	b := programOnly(t, "0.1")
	dir := t.TempDir()
	program := filepath.Join(dir, "weir")
	if err := os.WriteFile(program, b.program, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, conf := range map[string]string{
		"kubernetes": readCluster(t).configMaps["weir"].Data["nginx.conf"], "container": string(text("container.conf")), "package": string(text("nginx.conf")),
	} {
		// Paths of the machine they are made for lead into a folder here; the
		// container has a group of its own.
		conf = strings.NewReplacer("user nobody;", "user nobody nogroup;", "/var/", dir+"/var/", "/run/", dir+"/run/", "/tmp/", dir+"/tmp/").Replace(conf)
		for _, sub := range []string{"var/log/weir", "var/cache/weir", "run/weir", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(dir, name+".conf")
		if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(program, "-t", "-p", dir, "-c", file, "-e", "stderr", "-g", "pid "+dir+"/pid;")
		if name == "package" {
			cmd.Args = cmd.Args[:len(cmd.Args)-2] // it says where its pid file is
		}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = io.Discard, &out
		if err := cmd.Run(); err != nil || strings.Contains(out.String(), "[warn]") {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
	}
}

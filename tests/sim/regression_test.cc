// Scripts that once showed something wrong, cut short (penstock-sim --shrink --seed N). They replay
// what happened then as long as workers and network behave as they did; the bugs themselves have
// tests of their own in tests/unit/engine.

#include <gtest/gtest.h>

#include "base/log.h"
#include "tests/sim/world.h"

namespace penstock::sim {
namespace {

class RegressionTest : public testing::Test {
 protected:
  RegressionTest() { spdlog::set_level(spdlog::level::off); }
  static std::string ViolationOf(std::string_view text) {
    const Result<Script> script = Script::Parse(text);
    EXPECT_TRUE(script.ok()) << script.status();
    return script.ok() ? RunScript(*script).violation : "";
  }
};
// The step whose lease ran out took its own place.
TEST_F(RegressionTest, ARunOfOneStepAtATimeWhoseWorkerIsLostGoesOn) {
  EXPECT_EQ(ViolationOf(R"script(
world {"failures":0.0,"length_ms":228000,"options":{"grace_s":30,"lease_ttl_s":5,"max_disconnect_s":30,"run_age_s":60,"run_count":3,"sweep_s":20,"unused_s":600},"seed":2,"slowness":1,"weather":{"duplicate":0.05894480486909057,"loss":0.0682262809736514,"slowest_ms":0},"workers":[{"cpus":4,"gpus":1,"labels":{"zone":"a"},"memory_gib":8,"name":"w1"},{"cpus":1,"gpus":0,"memory_gib":4,"name":"w2"},{"cpus":2,"gpus":0,"labels":{"zone":"a"},"memory_gib":3,"name":"w3"},{"cpus":3,"gpus":1,"memory_gib":3,"name":"w4"},{"cpus":3,"gpus":1,"memory_gib":4,"name":"w5"}]}
0.005000 put {"text":"dataset 0","type":"dataset"}
0.006000 put-secret {"name":"hub","value":"first"}
0.010000 apply {"definition":{"name":"p1","steps":[{"name":"noop-1","type":"noop"}]}}
0.020000 apply {"definition":{"name":"p2","parameters":{"list":{"default":[1,2],"type":"list"},"number":{"default":3,"type":"integer"},"text":{"default":"nothing","type":"string"}},"steps":[{"name":"noop-2","type":"noop"},{"name":"noop-3","type":"noop"}]}}
0.030000 apply {"definition":{"maxParallelSteps":1,"name":"p3","steps":[{"algorithm":"linear-learner","inputs":{"train":"artifact:sha256:e817589765b8a5eed5c71760caea5627683cc08576ace3cd3c7bcc49951d17ff"},"name":"train-1","type":"train"}]}}
0.040000 apply {"definition":{"name":"p4","steps":[{"algorithm":"linear-learner","inputs":{"train":"artifact:sha256:e817589765b8a5eed5c71760caea5627683cc08576ace3cd3c7bcc49951d17ff"},"name":"train-2","type":"train"},{"name":"script-3","type":"script","with":{"command":["run","go"],"outputs":{"out":{"type":"file"}},"side_effects":true}},{"algorithm":"linear-learner","inputs":{"train":"artifact:sha256:e817589765b8a5eed5c71760caea5627683cc08576ace3cd3c7bcc49951d17ff"},"name":"train-5","type":"train"}]}}
0.400000 promote {"version":0}
43.625615 submit {"pipeline":"p4"}
46.430790 submit {"again":true,"parameters":{"list":[3,4,5]},"pipeline":"p2","queue":"nightly"}
52.062562 submit {"pipeline":"p3"}
55.214780 lose-worker {"for_ms":24,"worker":833}
58.117622 submit {"pipeline":"p3"}
)script"), "");
}

// What ran in the later one was placed again beside itself.
TEST_F(RegressionTest, ALateRequestForASessionDoesNotCloseALaterOne) {
  EXPECT_EQ(ViolationOf(R"script(
world {"failures":0.0,"length_ms":162000,"options":{"grace_s":30,"lease_ttl_s":5,"max_disconnect_s":3600,"run_age_s":0,"run_count":0,"sweep_s":0,"unused_s":60},"seed":45,"slowness":5,"weather":{"duplicate":0.06210726760933358,"loss":0.11409847411981563,"slowest_ms":0},"workers":[{"cpus":4,"gpus":1,"labels":{"zone":"a"},"memory_gib":8,"name":"w1"},{"cpus":3,"gpus":1,"memory_gib":3,"name":"w2"},{"cpus":3,"gpus":0,"memory_gib":4,"name":"w4"},{"cpus":3,"gpus":0,"memory_gib":3,"name":"w5"}]}
0.005000 put {"text":"dataset 0","type":"dataset"}
0.005000 put {"text":"dataset 1","type":"dataset"}
0.005000 put {"text":"dataset 2","type":"dataset"}
0.006000 put-secret {"name":"hub","value":"first"}
0.007000 register-model {"text":"first model"}
0.010000 apply {"definition":{"name":"p1","parameters":{"list":{"default":[1,2],"type":"list"},"number":{"default":3,"type":"integer"},"text":{"default":"nothing","type":"string"}},"steps":[{"mutex":"blue","name":"noop-1-mx-blue","resources":{"cpus":0.25,"labels":{"zone":"a"},"tolerations":{"dedicated":"gpu"}},"type":"noop","with":{"message":"go","metrics":{"m":6},"output_bytes":1}},{"name":"script-2","type":"script","with":{"command":["run","go"],"outputs":{"out":{"type":"file"}}}},{"inputs":{"data":"${steps.script-2.outputs.out ?? steps.script-2.outputs.out}"},"name":"script-3","type":"script","with":{"command":["run","go"]}}]}}
0.020000 apply {"definition":{"name":"p2","parameters":{"list":{"default":[1,2],"type":"list"},"number":{"default":3,"type":"integer"},"text":{"default":"nothing","type":"string"}},"steps":[{"name":"map-2","over":{"from":1,"to":1},"steps":[{"cache":false,"name":"map-2-noop-1","type":"noop","with":{"message":"go ${item.index}","output_bytes":3}},{"inputs":{"data":"${steps.map-2-noop-1.outputs.data}"},"name":"map-2-noop-2","type":"noop","with":{"message":"go ${item.index}","output_bytes":4}}],"type":"map"}]}}
0.030000 apply {"definition":{"name":"p3","steps":[{"name":"map-4","over":{"range":3},"steps":[{"algorithm":"linear-learner","cache":{"expiry":"10m","scope":"all"},"continueOnFailure":true,"inputs":{"train":"artifact:sha256:e817589765b8a5eed5c71760caea5627683cc08576ace3cd3c7bcc49951d17ff"},"name":"map-4-train-1","retry":{"interval":"1ms","jitter":true,"maxAttempts":3,"on":["crashed","timeout"]},"type":"train"}],"type":"map"}]}}
0.040000 apply {"definition":{"name":"p4","parameters":{"list":{"default":[1,2],"type":"list"},"number":{"default":3,"type":"integer"},"text":{"default":"nothing","type":"string"}},"steps":[{"name":"noop-1","type":"noop","with":{"message":"go","metrics":{"m":5}}},{"mutex":"blue","name":"noop-2-mx-blue","type":"noop","with":{"message":"go ${steps.noop-1.metrics.m ?? 0}","output_bytes":2}},{"inputs":{"data":"${steps.noop-2-mx-blue.outputs.data ?? steps.noop-2-mx-blue.outputs.data}"},"name":"noop-3","type":"noop","with":{"message":"go","metrics":{"m":4}}},{"inputs":{"data":"${steps.noop-2-mx-blue.outputs.data}"},"name":"script-4","resources":{"cpus":0.25,"tolerations":{"dedicated":"gpu"}},"type":"script","with":{"command":["run","go ${steps.noop-1.metrics.m ?? 0}"],"side_effects":true}}]}}
0.400000 promote {"version":0}
0.704460 put-secret {"name":"hub","value":"881"}
5.186750 order {"deadline_ms":685,"order":"drain","worker":158}
8.824286 submit {"pipeline":"p4"}
12.926776 submit {"pipeline":"p4"}
13.022941 explain {"run":385,"step":318}
25.810878 explain {"run":553,"step":337}
27.480625 submit {"parameters":{"text":"two"},"pipeline":"p1"}
36.102869 damage {"artifact":572}
36.806828 explain {"run":322,"step":506}
36.806828 explain {"run":913,"step":110}
36.806828 explain {"run":669,"step":40}
42.726023 damage {"artifact":951}
48.840576 jump-clock {"by_s":-304}
51.820734 submit {"parameters":{"text":"two"},"pipeline":"p4","priority":8}
51.954959 submit {"parameters":{"text":"one"},"pipeline":"p2"}
52.018603 submit {"no_cache":true,"pipeline":"p4"}
52.111614 submit {"pipeline":"p1","priority":8}
63.549566 cancel {"now":true,"run":370,"then_now":true}
73.515265 damage {"artifact":168}
84.850524 damage {"artifact":416}
)script"), "");
}

// The turn could not be committed.
TEST_F(RegressionTest, AnAttemptThatIsLeasedAndTakenBackInOneTurnIsWritten) {
  EXPECT_EQ(ViolationOf(R"script(
world {"failures":0.0,"length_ms":180000,"options":{"grace_s":300,"lease_ttl_s":5,"max_disconnect_s":30,"run_age_s":60,"run_count":0,"sweep_s":20,"unused_s":60},"seed":26,"slowness":1,"weather":{"duplicate":0.08740553858332972,"loss":0.08769181233368548,"slowest_ms":16},"workers":[{"cpus":4,"gpus":1,"labels":{"zone":"a"},"memory_gib":8,"name":"w1"},{"cpus":2,"gpus":0,"memory_gib":4,"name":"w2"},{"cpus":1,"gpus":0,"memory_gib":4,"name":"w3"}]}
0.005000 put {"text":"dataset 2","type":"dataset"}
0.006000 put-secret {"name":"hub","value":"first"}
0.007000 register-model {"text":"first model"}
0.010000 apply {"definition":{"name":"p1","parameters":{"list":{"default":[1,2],"type":"list"},"number":{"default":3,"type":"integer"},"text":{"default":"nothing","type":"string"}},"steps":[{"algorithm":"linear-learner","inputs":{"train":"artifact:sha256:b9e9988f2609e74e9a410bb54da4eb54d4e1498ae0a6f95123838a537632af1c"},"name":"train-5","type":"train"}]}}
0.020000 apply {"definition":{"maxParallelSteps":1,"name":"p2","parameters":{"list":{"default":[1,2],"type":"list"},"number":{"default":3,"type":"integer"},"text":{"default":"nothing","type":"string"}},"steps":[{"name":"map-1","outputs":{"file":"${steps.map-1-map-1.outputs.file}","value":"${steps.map-1-map-1.outputs.value.count}"},"over":{"range":3},"steps":[{"continueOnFailure":true,"name":"map-1-map-1","outputs":{"file":"${steps.map-1-map-1-noop-3.outputs.data}","value":"${steps.map-1-map-1-script-2.metrics.m}"},"over":["a","b","c"],"retry":{"interval":"1291ms","jitter":true,"maxAttempts":4},"steps":[{"cache":{"expiry":"10m","scope":"pipeline"},"fence":"execution","name":"map-1-map-1-script-1","preemptible":true,"resources":{"memory":"1GiB"},"type":"script","with":{"command":["run","go"]}},{"checkpointGrace":"3s","continueOnFailure":true,"dependsOn":["map-1-map-1-script-1"],"name":"map-1-map-1-script-2","preemptible":true,"type":"script","with":{"command":["run","go ${steps.map-1-map-1-script-1.metrics.m}"]}},{"dependsOn":["map-1-map-1-script-1"],"name":"map-1-map-1-noop-3","type":"noop","with":{"message":"go","output_bytes":1}}],"type":"map"},{"name":"map-1-call-2","parameters":{"text":"given"},"pipeline":"p1","type":"pipeline"}],"type":"map"},{"name":"notify-3","type":"notify","with":{"url":"http://127.0.0.1:9/hook"}},{"if":{"left":"${steps.map-1.outputs.value.mean}","op":">=","right":7},"name":"condition-4","then":["branch-5"],"type":"condition"},{"name":"branch-5","type":"noop"}]}}
0.030000 apply {"definition":{"name":"p3","parameters":{"list":{"default":[1,2],"type":"list"},"number":{"default":3,"type":"integer"},"text":{"default":"nothing","type":"string"}},"steps":[{"name":"gang-1","resources":{"nodes":2},"type":"script","with":{"command":["run","go ${parameters.text}"],"outputs":{"out":{"type":"file"}}}},{"inputs":{"data":"${steps.gang-1.outputs.out}"},"name":"noop-2","type":"noop","with":{"message":"go","metrics":{"m":7},"output_bytes":3}},{"inputs":{"data":"${steps.gang-1.outputs.out}"},"name":"script-3","type":"script","with":{"command":["run","go"],"outputs":{"out":{"type":"file"}}}},{"name":"noop-4","type":"noop","with":{"message":"go ${steps.noop-2.metrics.m}"}},{"dependsOn":["script-3"],"name":"noop-5","type":"noop","with":{"message":"go ${steps.noop-2.metrics.m}","metrics":{"m":1},"output_bytes":1}},{"name":"noop-6","type":"noop","with":{"message":"go ${steps.script-3.metrics.m}","metrics":{"m":0}}},{"dependsOn":["noop-6"],"name":"noop-7","type":"noop","with":{"message":"go","metrics":{"m":2},"output_bytes":4}}]}}
0.400000 promote {"version":0}
5.635431 submit {"parameters":{"text":"three"},"pipeline":"p3"}
7.204599 explain {"run":4,"step":859}
7.415886 submit {"pipeline":"p1"}
7.455437 submit {"pipeline":"p1","queue":"nightly"}
7.558596 submit {"pipeline":"p3"}
34.776632 jump-clock {"by_s":2516}
39.550173 kill-coordinator {"down_ms":95,"power":true}
47.396385 submit {"parameters":{"text":"one"},"pipeline":"p3","priority":1}
58.247284 jump-clock {"by_s":-397}
59.475128 kill-coordinator {"down_ms":309,"power":false}
66.979546 submit {"pipeline":"p2"}
88.247100 submit {"pipeline":"p2","priority":-1}
91.395695 explain {"run":821,"step":442}
91.735182 submit {"pipeline":"p3"}
98.687378 promote {"expected":1,"version":2}
108.695185 jump-clock {"by_s":2188}
111.661315 explain {"run":772,"step":881}
127.248204 submit {"pipeline":"p2"}
127.262856 submit {"again":true,"parameters":{"text":"one"},"pipeline":"p2"}
)script"), "");
}

}  // namespace
}  // namespace penstock::sim

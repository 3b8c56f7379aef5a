#ifndef PENSTOCK_BASE_THREAD_ANNOTATIONS_H_
#define PENSTOCK_BASE_THREAD_ANNOTATIONS_H_

// Names for clang's thread-safety analysis; nothing with other compilers.

#if defined(__clang__)
#define PENSTOCK_ANNOTATION(x) __attribute__((x))
#else
#define PENSTOCK_ANNOTATION(x)
#endif

#define PENSTOCK_CAPABILITY(name) PENSTOCK_ANNOTATION(capability(name))
#define PENSTOCK_SCOPED_CAPABILITY PENSTOCK_ANNOTATION(scoped_lockable)
#define PENSTOCK_GUARDED_BY(mu) PENSTOCK_ANNOTATION(guarded_by(mu))
#define PENSTOCK_PT_GUARDED_BY(mu) PENSTOCK_ANNOTATION(pt_guarded_by(mu))
#define PENSTOCK_REQUIRES(...) PENSTOCK_ANNOTATION(requires_capability(__VA_ARGS__))
#define PENSTOCK_EXCLUDES(...) PENSTOCK_ANNOTATION(locks_excluded(__VA_ARGS__))
#define PENSTOCK_ACQUIRE(...) PENSTOCK_ANNOTATION(acquire_capability(__VA_ARGS__))
#define PENSTOCK_RELEASE(...) PENSTOCK_ANNOTATION(release_capability(__VA_ARGS__))
#define PENSTOCK_ASSERT_CAPABILITY(x) PENSTOCK_ANNOTATION(assert_capability(x))
#define PENSTOCK_NO_THREAD_SAFETY_ANALYSIS PENSTOCK_ANNOTATION(no_thread_safety_analysis)

#endif  // PENSTOCK_BASE_THREAD_ANNOTATIONS_H_

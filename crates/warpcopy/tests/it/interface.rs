//! What callers build on: types that can be shared, plain data, defaults.

use std::time::{Duration, SystemTime};

use warpcopy::{
    Cancel, Copier, Counters, Error, Existing, FileReport, Make, Method, Mode, Options, Preserve,
    Publish, Reflink, Sparse, Symlinks, Sync, Time, TreeReport, Unlink, Xattrs,
};

#[test]
fn what_is_shared_may_be_shared_between_threads() {
    fn shared<T: Send + std::marker::Sync + 'static>() {}
    shared::<Copier>();
    shared::<Options>();
    shared::<Cancel>();
    shared::<Counters>();
    shared::<Error>();
    shared::<FileReport>();
    shared::<TreeReport>();
}

/// The default is the safe contract; the command's defaults are another matter.
#[test]
fn the_default_options_are_the_safe_ones() {
    let options = Options::new();
    assert_eq!(options, Options::default());
    assert_eq!((options.existing, options.publish), (Existing::Replace, Publish::Staged));
    assert_eq!((options.unlink, options.make), (Unlink::Never, Make::Contents));
    assert_eq!((options.reflink, options.sparse), (Reflink::Auto, Sparse::Auto));
    assert_eq!((options.symlinks, options.sync), (Symlinks::FollowOperands, Sync::None));
    assert_eq!((options.method, options.newer_than, options.workers), (None, None, None));
    assert!(options.make_parents && !options.recursive && !options.preallocate);
    let kept = options.preserve;
    assert_eq!((kept.mode, kept.timestamps, kept.xattrs), (Mode::Masked, true, Xattrs::Drop));
    assert!(!kept.ownership && !kept.links);
}

#[test]
fn setters_set_what_they_are_called() {
    let options = Options::new()
        .method(Some(Method::Sendfile))
        .publish(Publish::InPlace)
        .preserve(Preserve::all())
        .one_file_system(true);
    assert_eq!(options.method, Some(Method::Sendfile));
    assert_eq!(options.publish, Publish::InPlace);
    assert_eq!(options.preserve, Preserve::all());
    assert!(options.one_file_system);
}

#[test]
fn times_before_1970_round_down() {
    let epoch = SystemTime::UNIX_EPOCH;
    let time = |seconds, nanoseconds| Time { seconds, nanoseconds };
    assert_eq!(Time::from(epoch), time(0, 0));
    assert_eq!(Time::from(epoch + Duration::new(5, 700)), time(5, 700));
    assert_eq!(Time::from(epoch - Duration::from_secs(1)), time(-1, 0));
    // A step of the clock of every system.
    assert_eq!(Time::from(epoch - Duration::from_nanos(100)), time(-1, 999_999_900));
    assert_eq!(Time::from(epoch - Duration::new(2, 250_000_000)), time(-3, 750_000_000));
    assert!(time(-1, 999_999_999) < time(0, 0));
    assert!(time(1, 0) < time(1, 1));
}

#[test]
fn methods_are_printed_as_they_are_asked_for() {
    let names = Method::ALL.map(|method| method.to_string());
    let expected =
        ["clone", "copy_file_range", "sendfile", "copyfile", "uncached", "direct", "read_write"];
    assert_eq!(names, expected);
}

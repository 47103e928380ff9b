//! The way from a worker to the observer. The observer is the caller's code and lives on the calling thread: a
//! worker may have a descriptor table of its own, in which the caller's files do not exist.

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};

use crate::error::Error;
use crate::file::{Context, Starting};
use crate::report::{FileReport, Snapshot, TreeReport};
use crate::watch::{Event, Flow, Observer, Question};

/// Something for the observer.
pub(crate) enum Message {
    DirectoryMade { source: PathBuf, target: PathBuf },
    Snapshot(Snapshot),
    Starting(Starting),
    FileDone(Box<FileReport>),
    Failed(Error),
    Warned(Error),
    Asked(Asked),
}

/// A question with the way back.
pub(crate) struct Asked {
    source: PathBuf,
    target: PathBuf,
    target_mode: u32,
    target_is_writable: bool,
    answer: SyncSender<bool>,
}

impl Message {
    /// Hands the message to the observer and counts failures.
    pub(crate) fn deliver(
        self,
        observer: &mut dyn Observer,
        context: &Context,
        report: &mut TreeReport,
    ) {
        let flow = match self {
            Message::DirectoryMade { source, target } => {
                observer.event(Event::DirectoryMade { source: &source, target: &target })
            }
            Message::Snapshot(snapshot) => {
                let flow = observer.event(Event::Snapshot(&snapshot));
                report.snapshots.push(snapshot);
                flow
            }
            Message::Starting(starting) => starting.deliver(observer),
            Message::FileDone(file) => deliver_file(&file, observer),
            Message::Failed(error) => {
                let flow = observer.event(Event::Failed(&error));
                report.keep_error(error);
                flow
            }
            Message::Warned(error) => {
                report.warnings += 1;
                observer.event(Event::Warned(&error))
            }
            Message::Asked(asked) => {
                let answer = observer.ask(&Question {
                    source: &asked.source,
                    target: &asked.target,
                    target_mode: asked.target_mode,
                    target_is_writable: asked.target_is_writable,
                });
                let _ = asked.answer.send(answer); // a worker that is gone needs no answer
                Flow::Continue
            }
        };
        if flow == Flow::Stop {
            context.cancel.cancel();
        }
    }
}

fn deliver_file(file: &FileReport, observer: &mut dyn Observer) -> Flow {
    let mut flow = Flow::Continue;
    let mut pass = |event| {
        if observer.event(event) == Flow::Stop {
            flow = Flow::Stop;
        }
    };
    file.warned.iter().for_each(|error| pass(Event::Warned(error)));
    pass(Event::FileDone(file));
    flow
}

/// Where a worker's messages go.
pub(crate) enum Outlet<'a> {
    /// The worker runs on the calling thread.
    Direct(&'a mut dyn Observer),
    /// The observer is on another thread.
    Channel(SyncSender<Message>),
}

impl<'a> Outlet<'a> {
    pub(crate) fn direct(observer: &'a mut dyn Observer) -> Outlet<'a> {
        Outlet::Direct(observer)
    }

    pub(crate) fn channel(sender: SyncSender<Message>) -> Outlet<'a> {
        Outlet::Channel(sender)
    }

    pub(crate) fn send(&mut self, message: Message, context: &Context, report: &mut TreeReport) {
        match self {
            Outlet::Direct(observer) => message.deliver(*observer, context, report),
            // The receiver lives as long as any worker does.
            Outlet::Channel(sender) => drop(sender.send(message)),
        }
    }

    pub(crate) fn ask(&mut self, question: &Question<'_>) -> bool {
        match self {
            Outlet::Direct(observer) => observer.ask(question),
            Outlet::Channel(sender) => {
                let (answer, answered) = sync_channel(1);
                let asked = Asked {
                    source: question.source.to_path_buf(),
                    target: question.target.to_path_buf(),
                    target_mode: question.target_mode,
                    target_is_writable: question.target_is_writable,
                    answer,
                };
                sender.send(Message::Asked(asked)).is_ok() && answered.recv().unwrap_or(false)
            }
        }
    }
}

"""The logging vocabulary: loggers take rows, filters wrap loggers, sinks end the chain."""

from rolltape.loggers.aggregate_filter import AggregateFilter
from rolltape.loggers.base import Filter, Logger
from rolltape.loggers.csv_file import CSVLogger
from rolltape.loggers.dispatcher import Dispatcher
from rolltape.loggers.epoch_logger import EpochLogger
from rolltape.loggers.gated_filter import GatedFilter
from rolltape.loggers.jsonl_file import JSONLLogger
from rolltape.loggers.key_filter import KeyFilter
from rolltape.loggers.logger_kwargs import setup_logger_kwargs
from rolltape.loggers.make_logger import make_logger
from rolltape.loggers.mlflow import MLflowLogger
from rolltape.loggers.none_filter import NoneFilter
from rolltape.loggers.run_logger import RunLogger
from rolltape.loggers.smoothing_filter import SmoothingFilter
from rolltape.loggers.tabular_logger import TabularLogger
from rolltape.loggers.tensorboard import TensorBoardLogger
from rolltape.loggers.terminal import TerminalLogger
from rolltape.loggers.time_filter import TimeFilter
from rolltape.loggers.wandb import WandbLogger

__all__ = [
    "AggregateFilter",
    "CSVLogger",
    "Dispatcher",
    "EpochLogger",
    "Filter",
    "GatedFilter",
    "JSONLLogger",
    "KeyFilter",
    "Logger",
    "MLflowLogger",
    "NoneFilter",
    "RunLogger",
    "SmoothingFilter",
    "TabularLogger",
    "TensorBoardLogger",
    "TerminalLogger",
    "TimeFilter",
    "WandbLogger",
    "make_logger",
    "setup_logger_kwargs",
]

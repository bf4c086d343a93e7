"""The door for who writes a dataset: its reader, split files and protocols."""

from bench_core.contracts.dataset import (
    Dataset as Dataset,
    DatasetReader as DatasetReader,
    Splits as Splits,
)
from bench_core.contracts.degradation import (
    Degrade as Degrade,
)
from bench_core.contracts.protocol import (
    Convention as Convention,
    EvaluationProtocol as EvaluationProtocol,
    Trial as Trial,
)
from bench_core.data.exchange.plans import (
    ArrayRows as ArrayRows,
    ExportPlan as ExportPlan,
    ImportPlan as ImportPlan,
    ImportSource as ImportSource,
    PlacedFile as PlacedFile,
)
from bench_core.data.image_folders import (
    is_imported as is_imported,
    is_synthetic as is_synthetic,
    list_people as list_people,
)
from bench_core.data.image_lists import (
    ListedImage as ListedImage,
    check_images_exist as check_images_exist,
    check_same_people as check_same_people,
    people_by_label as people_by_label,
    read_identity_list as read_identity_list,
    read_image_list as read_image_list,
)
from bench_core.system.matlab import load_matlab_variable as load_matlab_variable

from striate.audit.balance import FEW as FEW
from striate.audit.balance import IMBALANCE as IMBALANCE
from striate.audit.found import Found as Found
from striate.audit.quick import check_data as check_data

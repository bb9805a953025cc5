from striate.audit.audit_finding import AuditFinding as AuditFinding
from striate.audit.balance import FEW as FEW
from striate.audit.balance import IMBALANCE as IMBALANCE
from striate.audit.quick import check_data as check_data

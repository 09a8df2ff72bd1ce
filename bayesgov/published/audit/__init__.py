"""Do the printed numbers agree with one another? Consistency checks with certified rounding bounds."""

from bayesgov.published.audit.engine import audit
from bayesgov.published.audit.report import AuditReport, AuditRow

__all__ = ["AuditReport", "AuditRow", "audit"]

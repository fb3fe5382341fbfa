"""Result files side by side: lines for models, columns for tasks, remarks on what does not fit."""
